import { MantineProvider } from '@mantine/core';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, it } from 'vitest';
import type { NextCoreMetadata } from '../../daemon/contract/nextcore.ts';
import { nextcore } from '../testing/world.ts';
import { NextCoreCard, suggestedText } from './nextcore-card.tsx';

/** The card as text: names and values, in order. */
const cardOf = (build: NextCoreMetadata) =>
  renderToStaticMarkup(
    <MantineProvider>
      <NextCoreCard build={build} release="r12" />
    </MantineProvider>,
  )
    .replace(/<style[\s\S]*?<\/style>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');

it('shows where the image holds the static files, and what the build suggests to its deploy', () => {
  const card = cardOf(nextcore('0a1b2c3', { static_directory: '/srv/.next/static', health_path: '/up', port: 8080 }));
  expect(card).toContain('Static files /srv/.next/static');
  expect(card).toContain('Suggests health path /up · port 8080');
});

it('says nothing of what a build leaves open', () => {
  const { static_directory: _static, health_path: _path, port: _port, ...least } = nextcore('0a1b2c3');
  expect(cardOf(least)).not.toMatch(/Static files|Suggests/);
  expect(suggestedText({ port: 8080 })).toBe('port 8080');
  expect(suggestedText({ health_path: '/up' })).toBe('health path /up');
});

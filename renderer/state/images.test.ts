import { describe, expect, it } from 'vitest';
import type { Image } from '../../daemon/contract/domain.ts';
import { app, release } from '../testing/world.ts';
import { imageChoices, namedImage, newerImage, repositoryOf } from './images.ts';

const image = (id: string, day: number, ...references: string[]): Image => ({
  id,
  references,
  size_bytes: 1,
  created_at: `2025-11-0${day}T00:00:00Z`,
});

describe('image references', () => {
  it('know their repository, also with a port and a digest', () => {
    expect(repositoryOf('shop')).toBe('shop');
    expect(repositoryOf('shop:v1')).toBe('shop');
    expect(repositoryOf('localhost:5000/team/shop')).toBe('localhost:5000/team/shop');
    expect(repositoryOf('localhost:5000/team/shop:v1@sha256:abc')).toBe('localhost:5000/team/shop');
  });

  it('are offered newest first, the app’s own before others', () => {
    const images = [image('1', 1, 'shop:v1'), image('9', 9, 'blog:v9'), image('2', 2, 'shop:v2', 'shop:latest'), image('0', 3)];
    expect(imageChoices(images, 'shop:v1').map((choice) => choice.reference)).toEqual([
      'shop:v2',
      'shop:latest',
      'shop:v1',
      'blog:v9',
    ]);
  });
});

describe('the obvious next image', () => {
  const shop = app('shop', { version: 'shop:v1' });

  it('is the newest of the live image’s repository, if it is newer', () => {
    const images = [image('1', 1, 'shop:v1'), image('2', 2, 'shop:v2'), image('3', 3, 'blog:v3')];
    expect(newerImage(images, shop, undefined)?.reference).toBe('shop:v2');
    expect(newerImage(images, app('shop', { version: 'shop:v2' }), undefined)).toBeNull();
  });

  it('goes by the live release’s image where its tag has moved on', () => {
    const live = release('shop', 1, 'shop:latest', { image_id: '1' });
    const images = [image('1', 1), image('2', 2, 'shop:latest')];
    expect(newerImage(images, app('shop', { version: 'shop:latest' }), live)?.image.id).toBe('2');
  });

  it('is none where the live image is not known here', () => {
    expect(newerImage([image('2', 2, 'shop:v2')], shop, undefined)).toBeNull();
  });
});

it('takes a text for an image to be pulled where it names one with its tag or digest, and it is not here', () => {
  const here = imageChoices([image('a', 1, 'shop:v1')]);
  expect(namedImage(' registry.example.com/shop:v2 ', here)).toBe('registry.example.com/shop:v2');
  expect(namedImage(`shop@sha256:${'a'.repeat(64)}`, here)).toBe(`shop@sha256:${'a'.repeat(64)}`);
  for (const text of ['', 'shop', 'shop:v1', 'Shop:v2', 'registry.example.com/shop']) expect(namedImage(text, here)).toBeNull();
});

import { DEFAULT_THEME, mergeMantineTheme } from '@mantine/core';
import { describe, expect, it } from 'vitest';
import { cssVariables, theme } from './theme.ts';

const CONTRAST_MIN = 4.5;
const merged = mergeMantineTheme(DEFAULT_THEME, theme);
const variables = cssVariables(merged);

/** Relative luminance of `#rrggbb` (WCAG 2.2). */
function luminance(color: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

describe.each(['light', 'dark'] as const)('in the %s scheme', (scheme) => {
  const values: Partial<Record<string, string>> = variables[scheme];
  const color = (name: string) => values[name] ?? '';
  const grounds = ['--nd-ground', '--nd-ground-sunken', '--nd-ground-hover', '--nd-ground-selected'];

  it.each(['ok', 'busy', 'bad', 'info', 'idle'])('what is %s can be read on every ground', (meaning) => {
    const own = color(`--nd-${meaning}-ground`);
    for (const ground of [...grounds.map(color), ...(own === '' ? [] : [own])]) {
      expect(contrast(color(`--nd-${meaning}`), ground)).toBeGreaterThanOrEqual(CONTRAST_MIN);
    }
  });

  it('dimmed text can be read on every ground', () => {
    for (const ground of grounds) {
      expect(contrast(color('--mantine-color-dimmed'), color(ground))).toBeGreaterThanOrEqual(CONTRAST_MIN);
    }
  });

  it('an example in an empty field can be read', () => {
    expect(contrast(color('--mantine-color-placeholder'), color('--nd-ground'))).toBeGreaterThanOrEqual(CONTRAST_MIN);
  });

  it.each(['accent', 'red'])('a filled button in %s can be read, and so can it be under the pointer', (name) => {
    const { light, dark } = merged.primaryShade as { light: number; dark: number }; // set so in the theme
    const shade = scheme === 'light' ? light : dark;
    for (const ground of [shade, shade + 1]) {
      expect(contrast('#ffffff', merged.colors[name]?.[ground] ?? '#ffffff')).toBeGreaterThanOrEqual(CONTRAST_MIN);
    }
  });
});

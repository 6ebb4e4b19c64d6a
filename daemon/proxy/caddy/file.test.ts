import { describe, expect, it } from 'vitest';
import { ROUTE } from '../test-route.ts';
import { isOwnText, lineOf, parseLine, readLines, renderFile } from './file.ts';
import { featuresOf } from './render.ts';

const FEATURES = featuresOf('2.6.2');
const BLOG = { ...ROUTE, app_name: 'blog', sites: [{ domain: 'blog.test', tls: 'off' as const }] };

describe('the file of all routes', () => {
  it('says itself from what it was rendered', () => {
    const lines = new Map([ROUTE, BLOG].map((route) => [route.app_name, lineOf(route)]));
    const text = renderFile(lines, FEATURES) ?? '';
    const read = readLines(text);
    expect([...read.keys()]).toEqual(['blog', 'shop']);
    expect(parseLine(read.get('shop') ?? '')).toEqual(ROUTE);
    expect(renderFile(read, FEATURES)).toBe(text);
  });

  it('is none without a route', () => {
    expect(readLines(null).size).toBe(0);
    expect(renderFile(new Map(), FEATURES)).toBeNull();
  });

  it('keeps nothing that Caddy would replace by a variable of its environment', () => {
    const route = { ...ROUTE, health_path: '/{$HOME}' };
    expect(lineOf(route)).not.toContain('{$');
    expect(parseLine(lineOf(route))).toEqual(route);
  });

  it('says what to do when a line of it was broken by hand', () => {
    expect(() => renderFile(readLines('# app shop {"app_name":}\n'), FEATURES)).toThrow('take its broken line away');
    expect(() => renderFile(readLines('# app shop {"app_name":"shop"}\n'), FEATURES)).toThrow('take its broken line away');
  });

  it.each([
    ['has a blank at its end', (line: string) => `${line} `],
    ['is indented', (line: string) => `\t${line}`],
    ['has lost a blank', (line: string) => line.replace('# app', '#app')],
    ['was wrapped', (line: string) => line.replace(',', ',\n')],
    ['is there twice', (line: string) => `${line}\n${line}`],
    ['names another app', (line: string) => line.replace('# app shop', '# app ship')],
  ])('drops no site because its line %s', (_, change) => {
    const line = `# app shop ${lineOf(ROUTE)}`;
    const text = renderFile(new Map([['shop', lineOf(ROUTE)]]), FEATURES)?.replace(line, () => change(line)) ?? '';
    expect(isOwnText(text)).toBe(true);
    expect(() => renderFile(readLines(text).set('blog', lineOf(BLOG)), FEATURES)).toThrow('take its broken line away');
  });
});

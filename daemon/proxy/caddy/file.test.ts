import { describe, expect, it } from 'vitest';
import type { RouteModel, RouteOptions } from '../../engine/state.ts';
import { CERTIFICATES, HASH, ROUTE } from '../test-route.ts';
import { featuresOf } from './features.ts';
import { holdsHashes, isOwnText, lineOf, parseLine, readLines, renderFile } from './file.ts';

const CONTEXT = { features: featuresOf('2.6.2'), certificates: CERTIFICATES, https_port: 443 };
const BLOG = { ...ROUTE, app_name: 'blog', sites: [{ domain: 'blog.test', tls: 'off' as const }] };

describe('the file of all routes', () => {
  it('says itself from what it was rendered', () => {
    const lines = new Map([ROUTE, BLOG].map((route) => [route.app_name, lineOf(route)]));
    const text = renderFile(lines, CONTEXT) ?? '';
    const read = readLines(text);
    expect([...read.keys()]).toEqual(['blog', 'shop']);
    expect(parseLine(read.get('shop') ?? '')).toEqual(ROUTE);
    expect(renderFile(read, CONTEXT)).toBe(text);
  });

  it('keeps options and imported certificates, and knows whether there are hashes of passwords in it', () => {
    const sites: RouteModel['sites'] = [{ domain: 'shop.example.com', tls: 'import' }];
    const options: RouteOptions = {
      headers: [{ name: 'X-A', value: '{$HOME} "x"' }],
      basic_auth: [],
      body_bytes_max: 5,
      is_compressed: true,
      prefixes: [{ path: '/api', is_stripped: true, upstreams: ROUTE.upstreams, marker_directory: null }],
      path_redirects: [{ from: '/a', to: '/b', status: 302 }],
    };
    const route: RouteModel = { ...ROUTE, sites, options };
    expect(parseLine(lineOf(route))).toEqual(route);
    const textOf = (one: RouteModel) => renderFile(new Map([[one.app_name, lineOf(one)]]), CONTEXT) ?? '';
    expect(holdsHashes(textOf(route))).toBe(false);
    const basic_auth = [{ username: 'ann', password_hash: HASH }];
    expect(holdsHashes(textOf({ ...route, options: { ...options, basic_auth } }))).toBe(true);
  });

  it('is none without a route', () => {
    expect(readLines(null).size).toBe(0);
    expect(renderFile(new Map(), CONTEXT)).toBeNull();
  });

  it('keeps nothing that Caddy would replace by a variable of its environment', () => {
    const route = { ...ROUTE, health_path: '/{$HOME}' };
    expect(lineOf(route)).not.toContain('{$');
    expect(parseLine(lineOf(route))).toEqual(route);
  });

  it('says what to do when a line of it was broken by hand', () => {
    expect(() => renderFile(readLines('# app shop {"app_name":}\n'), CONTEXT)).toThrow('take its broken line away');
    expect(() => renderFile(readLines('# app shop {"app_name":"shop"}\n'), CONTEXT)).toThrow('take its broken line away');
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
    const text = renderFile(new Map([['shop', lineOf(ROUTE)]]), CONTEXT)?.replace(line, () => change(line)) ?? '';
    expect(isOwnText(text)).toBe(true);
    expect(() => renderFile(readLines(text).set('blog', lineOf(BLOG)), CONTEXT)).toThrow('take its broken line away');
  });
});

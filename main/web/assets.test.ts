import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { answerAsset, isHashed, loadAssets } from './assets.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nextdeploy-assets-'));
});

afterEach(() => rm(directory, { recursive: true }));

async function write(files: Record<string, string>): Promise<void> {
  await mkdir(join(directory, 'assets'), { recursive: true });
  await Promise.all(Object.entries(files).map(([path, body]) => writeFile(join(directory, path), body)));
}

describe('loadAssets', () => {
  test('serves the page at / and every other file at its own path', async () => {
    await write({ 'index.html': '<!doctype html>', 'assets/index-B4f9_x1Z.js': 'export {};', 'assets/a b.css': 'a{}' });
    const assets = await loadAssets(directory);
    expect(new Set(assets.keys())).toEqual(new Set(['/', '/assets/a%20b.css', '/assets/index-B4f9_x1Z.js']));
    expect(answerAsset(assets, '/')).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } });
    expect(answerAsset(assets, '/assets/a%20b.css').body?.toString()).toBe('a{}');
  });

  test('says how to build the console when it is not built', async () => {
    await expect(loadAssets(directory)).rejects.toThrow('run "npm run build"');
    await expect(loadAssets(join(directory, 'absent'))).rejects.toThrow('run "npm run build"');
  });

  test('does not follow a symbolic link out of the directory', async () => {
    await write({ 'index.html': '' });
    await symlink('/etc/passwd', join(directory, 'assets/passwd.txt'));
    await symlink('/etc', join(directory, 'etc'));
    expect([...(await loadAssets(directory)).keys()]).toEqual(['/']);
  });
});

describe('answerAsset', () => {
  test('lets a hashed file be kept for ever and has everything else asked for again', async () => {
    await write({ 'index.html': '', 'assets/index-B4f9_x1Z.js': '' });
    const assets = await loadAssets(directory);
    expect(answerAsset(assets, '/assets/index-B4f9_x1Z.js').headers['cache-control']).toContain('immutable');
    expect(answerAsset(assets, '/').headers['cache-control']).toBe('no-cache');
  });

  test('answers 304 without a body when the browser has these bytes', async () => {
    await write({ 'index.html': 'page' });
    const assets = await loadAssets(directory);
    const { etag } = answerAsset(assets, '/').headers;
    expect(answerAsset(assets, '/', `"other", ${etag}`)).toMatchObject({ status: 304, body: null });
    expect(answerAsset(assets, '/', '"other"').status).toBe(200);
  });

  test.each(['/index.html', '/../package.json', '/%2e%2e/package.json', '//etc/passwd', '', '/assets', '/__proto__'])(
    'does not know %s',
    async (path) => {
      await write({ 'index.html': '' });
      expect(answerAsset(await loadAssets(directory), path).status).toBe(404);
    },
  );
});

test.each([
  ['index-B4f9_x1Z.js', true],
  ['index-B4f9_x1Z.js.map', true],
  ['index.js', false],
  ['app-document.css', false],
  ['favicon.ico', false],
])('whether the name %s carries a hash: %s', (name, expected) => {
  expect(isHashed(name)).toBe(expected);
});

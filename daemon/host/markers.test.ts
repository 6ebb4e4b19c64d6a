import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MarkerFiles } from './markers.ts';

let root: string;
let markers: MarkerFiles;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nextdeploy-markers-'));
  markers = new MarkerFiles(root);
});
afterEach(() => rm(root, { recursive: true }));

describe('MarkerFiles', () => {
  it('keeps exactly one file per app, named after what the proxy is to do', async () => {
    expect(await markers.read('shop')).toBeNull();
    for (const state of ['stopped', 'blue', 'green', 'green', 'blue', 'stopped'] as const) {
      await markers.write('shop', state);
      expect(await readdir(join(root, 'shop'))).toEqual([state]);
      expect(await markers.read('shop')).toBe(state);
    }
  });

  it("lets the proxy's user look, whatever the umask", async () => {
    const before = process.umask(0o077);
    try {
      await markers.write('shop', 'blue');
    } finally {
      process.umask(before);
    }
    expect((await stat(join(root, 'shop'))).mode & 0o777).toBe(0o755);
    expect((await stat(join(root, 'shop', 'blue'))).mode & 0o777).toBe(0o644);
  });

  it('keeps a page beside the marker, whole or not there, and readable for the proxy', async () => {
    const page = join(root, 'shop', 'maintenance.html');
    const before = process.umask(0o077);
    try {
      await markers.writePage('shop', '<p>Back at noon</p>');
    } finally {
      process.umask(before);
    }
    expect(await markers.read('shop')).toBeNull();
    await markers.write('shop', 'green');
    await markers.writePage('shop', '<p>Back at one</p>');
    expect(await readFile(page, 'utf8')).toBe('<p>Back at one</p>');
    expect((await stat(join(root, 'shop'))).mode & 0o777).toBe(0o755);
    expect((await stat(page)).mode & 0o777).toBe(0o644);
    expect(await markers.read('shop')).toBe('green');
    await markers.writePage('shop', null);
    await markers.writePage('shop', null);
    await markers.writePage('blog', null);
    expect(await readdir(join(root, 'shop'))).toEqual(['green']);
    expect(await readdir(root)).toEqual(['shop']);
  });

  it('names the marker of a slot after the maintenance that it is in, and of a stopped app never', async () => {
    const names = () => readdir(join(root, 'shop')).then((found) => found.toSorted());
    await markers.write('shop', 'green');
    await markers.writePage('shop', 'page');
    expect([await names(), await markers.read('shop')]).toEqual([['green.maintenance', 'maintenance.html'], 'green']);
    await markers.write('shop', 'blue');
    expect([await names(), await markers.read('shop')]).toEqual([['blue.maintenance', 'maintenance.html'], 'blue']);
    await markers.write('shop', 'stopped');
    expect([await names(), await markers.read('shop')]).toEqual([['maintenance.html', 'stopped'], 'stopped']);
    await markers.writePage('shop', 'another page');
    await markers.write('shop', 'green');
    await markers.writePage('shop', 'another page');
    expect(await names()).toEqual(['green.maintenance', 'maintenance.html']);
    await markers.writePage('shop', null);
    expect(await names()).toEqual(['green']);
  });

  it('does what overlaps in the order in which it was asked', async () => {
    await markers.write('shop', 'stopped');
    const all = [markers.write('shop', 'green'), markers.remove('shop'), markers.write('shop', 'green'), markers.read('shop')];
    all.push(markers.writePage('shop', 'page'), markers.write('shop', 'blue'));
    expect((await Promise.all(all))[3]).toBe('green');
    expect((await readdir(join(root, 'shop'))).toSorted()).toEqual(['blue.maintenance', 'maintenance.html']);
  });

  it('goes on after what has failed', async () => {
    await writeFile(join(root, 'shop'), 'in the way');
    await expect(markers.write('shop', 'blue')).rejects.toThrow();
    await rm(join(root, 'shop'));
    await markers.write('shop', 'blue');
    expect(await markers.read('shop')).toBe('blue');
  });

  it('removes an app, also twice', async () => {
    await markers.write('shop', 'green');
    await markers.remove('shop');
    await markers.remove('shop');
    expect(await readdir(root)).toEqual([]);
  });
});

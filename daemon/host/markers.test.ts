import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { syncDirectory } from './files.ts';
import { MarkerFiles } from './markers.ts';

// It does what it does; nothing else shows what a power cut would leave.
vi.mock('./files.ts', { spy: true });

let root: string;
let markers: MarkerFiles;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nextdeploy-markers-'));
  markers = new MarkerFiles(root);
});
afterEach(() => rm(root, { recursive: true }));

describe('MarkerFiles', () => {
  const names = () => readdir(join(root, 'shop')).then((found) => new Set(found));

  it('keeps one file of an open app, named after the slot that is closed', async () => {
    expect(await markers.read('shop')).toBeNull();
    for (const state of ['blue', 'green', 'green', 'blue'] as const) {
      await markers.write('shop', state);
      expect(await names()).toEqual(new Set([state === 'blue' ? 'not-green' : 'not-blue']));
      expect(await markers.read('shop')).toBe(state);
    }
  });

  it('closes both slots of a stopped app', async () => {
    for (const state of ['stopped', 'green', 'stopped', 'stopped', 'blue', 'stopped'] as const) {
      await markers.write('shop', state);
      expect(await markers.read('shop')).toBe(state);
      if (state === 'stopped') expect(await names()).toEqual(new Set(['not-blue', 'not-green', 'stopped']));
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
    expect((await stat(join(root, 'shop', 'not-green'))).mode & 0o777).toBe(0o644);
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
    expect(await readdir(join(root, 'shop'))).toEqual(['not-blue']);
    expect(await readdir(root)).toEqual(['shop']);
  });

  it('never lets an app look open that begins closed', async () => {
    const seen = new Set<string | null>();
    const watching = new AbortController();
    const looking = (async () => {
      while (!watching.signal.aborted) seen.add(await markers.read('shop'));
    })();
    for (let count = 0; count < 20; count += 1) {
      await markers.write('shop', 'stopped');
      await markers.remove('shop');
    }
    watching.abort();
    await looking;
    expect(seen).not.toContain('blue');
    expect(seen).not.toContain('green');
    await markers.writePage('shop', 'page');
    await markers.write('shop', 'stopped');
    expect(await names()).toEqual(new Set(['not-blue', 'not-green', 'stopped', 'maintenance.html']));
    expect(await readdir(root)).toEqual(['shop']);
  });

  it('says beside two closed slots which one serves in maintenance, and of a stopped app only that', async () => {
    const closed = (...more: string[]) => new Set(['not-blue', 'not-green', 'maintenance.html', ...more]);
    await markers.write('shop', 'green');
    await markers.writePage('shop', 'page');
    expect([await names(), await markers.read('shop')]).toEqual([closed('green.maintenance'), 'green']);
    await markers.write('shop', 'blue');
    expect([await names(), await markers.read('shop')]).toEqual([closed('blue.maintenance'), 'blue']);
    await markers.write('shop', 'stopped');
    expect([await names(), await markers.read('shop')]).toEqual([closed('stopped'), 'stopped']);
    await markers.writePage('shop', 'another page');
    await markers.write('shop', 'green');
    await markers.writePage('shop', 'another page');
    expect(await names()).toEqual(closed('green.maintenance'));
    await markers.writePage('shop', null);
    expect(await names()).toEqual(new Set(['not-blue']));
  });

  it('keeps to what was decided before a daemon was killed in between, and puts the rest right at the next change', async () => {
    await markers.write('shop', 'blue');
    // The reason is there, and the slot still open.
    await writeFile(join(root, 'shop', 'stopped'), '');
    expect(await markers.read('shop')).toBe('blue');
    await markers.write('shop', 'green');
    expect(await names()).toEqual(new Set(['not-blue']));
    await markers.write('shop', 'stopped');
    // A slot is open again, and the reason still there.
    await rm(join(root, 'shop', 'not-green'));
    expect(await markers.read('shop')).toBe('green');
    await markers.write('shop', 'green');
    expect(await names()).toEqual(new Set(['not-blue']));
  });

  it('does what overlaps in the order in which it was asked', async () => {
    await markers.write('shop', 'stopped');
    const all = [markers.write('shop', 'green'), markers.remove('shop'), markers.write('shop', 'green'), markers.read('shop')];
    all.push(markers.writePage('shop', 'page'), markers.write('shop', 'blue'));
    expect((await Promise.all(all))[3]).toBe('green');
    expect((await readdir(join(root, 'shop'))).toSorted()).toEqual([
      'blue.maintenance',
      'maintenance.html',
      'not-blue',
      'not-green',
    ]);
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
    vi.mocked(syncDirectory).mockClear();
    await markers.remove('shop');
    expect(syncDirectory).toHaveBeenCalledWith(root);
    await markers.remove('shop');
    expect(await readdir(root)).toEqual([]);
  });
});

import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { JsonFile } from './json-file.ts';

const schema = z.strictObject({ version: z.literal(1), n: z.number() });
let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'json-file-'));
  path = join(directory, 'sub', 'state.json');
});
afterEach(() => rm(directory, { recursive: true }));

const open = () => new JsonFile(path, schema, { version: 1, n: 0 });

describe('JsonFile', () => {
  it('starts with its initial value, keeps what is written, privately, and leaves nothing beside it', async () => {
    expect(await open().read()).toEqual({ version: 1, n: 0 });
    await open().write({ version: 1, n: 5 });
    expect(await open().read()).toEqual({ version: 1, n: 5 });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, 'sub'))).toEqual(['state.json']);
  });

  it('ends with the last of many writes at once', async () => {
    const file = open();
    await Promise.all(Array.from({ length: 30 }, (_, n) => file.write({ version: 1, n })));
    expect(await file.read()).toEqual({ version: 1, n: 29 });
  });

  it.each(['', '{"version":1', '{"version":2,"n":1}', '[]'])(
    'refuses %j, naming the file, and leaves it as it is',
    async (text) => {
      await open().write({ version: 1, n: 1 });
      await writeFile(path, text);
      await expect(open().read()).rejects.toThrow(path);
      expect(await readFile(path, 'utf8')).toBe(text);
    },
  );

  it('writes nothing that it could not read', async () => {
    await open().write({ version: 1, n: 1 });
    expect(() => open().write({ version: 1, n: 'x' } as never)).toThrow();
    expect(await open().read()).toEqual({ version: 1, n: 1 });
  });
});

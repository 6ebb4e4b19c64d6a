import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { createParameterStore } from '../../daemon/host/aws-parameters.ts';
import type { pullAgeFile } from '../../daemon/secrets/providers/age.ts';
import { AGE_BINARY, AGE_IDENTITY, AGE_VALUES } from '../../daemon/secrets/test-age-files.ts';
import { bundle } from './bundle.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Loads a file of the daemon's from its bundle, and gives that as text as well. */
async function load<T>(directory: string, entry: string): Promise<{ loaded: T; text: string }> {
  const { content } = await bundle(ROOT, entry, 'bundled.mjs');
  const file = join(directory, 'bundled.mjs');
  await writeFile(file, content);
  return { loaded: (await import(pathToFileURL(file).href)) as T, text: content.toString() };
}

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bundle-'));
});
afterEach(() => rm(directory, { recursive: true }));

it("has Amazon's SDK in its one file, packed until the first parameter is asked for", { timeout: 60_000 }, async () => {
  type Module = { createParameterStore: typeof createParameterStore };
  const { loaded, text } = await load<Module>(directory, 'daemon/host/aws-parameters.ts');
  expect(text).not.toContain('GetParametersByPathCommand extends');
  const body = Buffer.from(JSON.stringify({ Parameters: [{ Name: '/shop/A', Value: 'one' }] }));
  const refusal = Buffer.from(JSON.stringify({ __type: 'AccessDeniedException', message: 'no' }));
  const answers = [
    { status: 200, body },
    { status: 400, body: refusal },
  ];
  const sent: string[] = [];
  const store = loaded.createParameterStore({
    send: async ({ headers }) => {
      sent.push(headers.authorization ?? '');
      return { kind: 'answered', headers: {}, wait_ms: null, ...(answers.shift() ?? { status: 500, body }) };
    },
  });
  const keys = { access_key_id: 'AKIAIOSFODNN7NEXTDEP', secret_access_key: 'secret' };
  const reader = store.open({ region: 'eu-central-1', path: '/shop', endpoint: undefined, keys });
  const getPage = () => reader.getPage(null, 5_000, new AbortController().signal);
  expect(await getPage()).toEqual({ kind: 'page', parameters: [{ name: '/shop/A', value: 'one' }], next_token: null });
  expect(await getPage()).toMatchObject({ kind: 'refused', name: 'AccessDeniedException', status: 400 });
  expect(sent[0]).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7NEXTDEP\//);
  // The host's own credentials are looked for by parts of the SDK that are loaded later still.
  vi.stubEnv('AWS_ACCESS_KEY_ID', keys.access_key_id);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', keys.secret_access_key);
  answers.push({ status: 200, body });
  const own = store.open({ region: 'eu-central-1', path: '/shop', endpoint: undefined, keys: null });
  expect(await own.getPage(null, 5_000, new AbortController().signal)).toMatchObject({ kind: 'page' });
  vi.unstubAllEnvs();
});

it('has age in its one file, packed until a file is opened', { timeout: 60_000 }, async () => {
  type Module = { pullAgeFile: typeof pullAgeFile };
  const { loaded, text } = await load<Module>(directory, 'daemon/secrets/providers/age.ts');
  expect(text).not.toContain('class Decrypter');
  const provider = { kind: 'age', file: '/a.age', identity: AGE_IDENTITY } as const;
  const files = { problemOf: () => null, read: async () => ({ kind: 'file', content: AGE_BINARY }) as const };
  const pulled = await loaded.pullAgeFile(provider, files);
  expect(Object.fromEntries([...pulled].map(([name, value]) => [name, value.open()]))).toEqual(AGE_VALUES);
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import type { createParameterStore } from '../../daemon/host/aws-parameters.ts';
import { bundle } from './bundle.ts';

const ROOT = join(import.meta.dirname, '..', '..');

it("has Amazon's SDK in its one file, loaded with the first parameter that is asked for", { timeout: 60_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bundle-'));
  try {
    const { content } = await bundle(ROOT, 'daemon/host/aws-parameters.ts', 'parameters.mjs');
    const file = join(directory, 'parameters.mjs');
    await writeFile(file, content);
    const loaded = (await import(pathToFileURL(file).href)) as { createParameterStore: typeof createParameterStore };
    const body = Buffer.from(JSON.stringify({ Parameters: [{ Name: '/shop/A', Value: 'one' }] }));
    const store = loaded.createParameterStore({
      send: async () => ({ kind: 'answered', status: 200, headers: {}, wait_ms: null, body }),
    });
    const keys = { access_key_id: 'AKIAIOSFODNN7NEXTDEP', secret_access_key: 'secret' };
    const reader = store.open({ region: 'eu-central-1', path: '/shop', endpoint: undefined, keys });
    expect(await reader.getPage(null, 5_000, new AbortController().signal)).toEqual({
      ...{ kind: 'page', parameters: [{ name: '/shop/A', value: 'one' }], next_token: null },
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});

import { expect, it, vi } from 'vitest';
import { sampleOperation } from '../api/test-server.ts';
import { DomainError } from '../contract/errors.ts';
import type { ObservedContainer } from '../engine/ports.ts';
import { HostBackupFiles } from '../host/backup-files.ts';
import { type AftermathParts, finishRestore, removeSuperseded } from './aftermath.ts';
import { commitSwitch, completeSwitch, readRecord } from './switch.ts';
import { never, TestPlace } from './test-place.ts';

const container = (name: string, operation_id: string): ObservedContainer => ({
  ...{ id: `id-${name}`, name, app_name: name, release: 'r1', slot: 'blue', operation_id, role: 'replica', is_running: true },
});

async function setUp(start: AftermathParts['start']) {
  const place = await TestPlace.start();
  const files = new HostBackupFiles();
  const backup = { created_at: '2026-01-01T00:00:00.000Z', hostname: 'first', version: '1.2.3' };
  const told = {
    id: 'rst-1',
    actor: 'admin',
    backup,
    starts: ['shop', 'blog', 'late'],
    gone: ['old'],
    remedies: ['api: load api:v1'],
  };
  await commitSwitch({ ...told, state: 'committed', moves: [] }, place.places, files);
  const record = await completeSwitch(place.places, files);
  if (record === null) throw new Error('there is a record');
  const parts = {
    ...{ record, places: place.places, files, databases: { lastRestoreIn: vi.fn() } },
    journal: { getOperation: (id: string) => (id === 'op-known' ? ({} as never) : null) },
    containers: {
      list: vi.fn(async () => [container('shop', 'op-known'), container('blog', 'op-other')]),
      remove: vi.fn(async () => undefined),
    },
    markers: { remove: vi.fn(async () => undefined) },
    clock: { sleep: async () => undefined },
    start: vi.fn(start),
    appendAudit: vi.fn(),
    publish: vi.fn<AftermathParts['publish']>(),
    log: { info: () => undefined, warn: () => undefined },
  };
  return { place, parts };
}

it('containers of operations that the restored state does not know go, also after Docker has failed', async () => {
  const { place, parts } = await setUp(async () => sampleOperation);
  parts.containers.remove.mockRejectedValueOnce(new Error('Docker'));
  await removeSuperseded(parts, never);
  expect(parts.containers.remove.mock.calls).toHaveLength(2);
  expect(parts.containers.remove).toHaveBeenLastCalledWith(
    { name: 'id-blog', app_name: 'blog', operation_id: 'op-other' },
    expect.any(Number),
    never,
  );
  place.remove();
});

it('apps are started, what cannot be is told with what to do, and the record goes last', async () => {
  const { place, parts } = await setUp(async (app) => {
    if (app === 'blog') throw new DomainError('conflict', 'it runs already');
    if (app === 'late') throw new DomainError('unavailable', 'Docker does not answer.');
    return sampleOperation;
  });
  await finishRestore(parts, never);
  expect(parts.start.mock.calls.map(([app, actor]) => [app, actor])).toEqual([
    ['shop', 'admin'],
    ['blog', 'admin'],
    ['late', 'admin'],
  ]);
  expect(parts.markers.remove).toHaveBeenCalledWith('old');
  expect(parts.publish).toHaveBeenCalledOnce();
  expect(parts.publish).toHaveBeenCalledWith(
    expect.objectContaining({
      kind: 'state.restored',
      level: 'warning',
      message: expect.stringMatching(/of first .* by admin \(rst-1\).*To do: api: load api:v1; late: Docker does not answer/),
    }),
  );
  expect(await readRecord(place.places, parts.files)).toBeNull();
  place.remove();
});

it('a daemon that is stopped meanwhile goes on with it at its next start', async () => {
  const stopping = new AbortController();
  const { place, parts } = await setUp(async () => {
    stopping.abort(new Error('the daemon stops'));
    throw new Error('the daemon stops');
  });
  await finishRestore(parts, stopping.signal);
  expect(parts.publish).not.toHaveBeenCalled();
  expect(await readRecord(place.places, parts.files)).toMatchObject({ id: 'rst-1', state: 'switched' });
  place.remove();
});

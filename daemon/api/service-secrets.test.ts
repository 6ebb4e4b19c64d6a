import { describe, expect, it } from 'vitest';
import { appConfigurationSchema } from '../contract/configuration.ts';
import { secretRemovalQuerySchema, secretsSyncRequestSchema } from '../contract/secrets.ts';
import type { NewEvent } from '../engine/ports.ts';
import { createEngine, deploying, run, signal } from '../engine/test-engine.ts';
import { ModelJournal } from '../engine/test-journal.ts';
import { ModelWorld } from '../engine/test-world.ts';
import { openTestVault } from '../secrets/test-table.ts';
import type { RequestContext } from './handlers.ts';
import { SecretService } from './service-secrets.ts';

const context: RequestContext = { actor: 'ana', role: 'operator', apps: null, idempotency_key: undefined, signal };

/** The real vault over a table in memory, and the real engine over its models: apps `shop` of the project web and `blog` of none, which have been deployed. */
async function start() {
  const { vault } = await openTestVault();
  const world = new ModelWorld();
  world.state.images.set('shop:v1', 'sha256:1').set('blog:v1', 'sha256:2');
  const ports = { ...world.ports(), secrets: vault };
  const journal = new ModelJournal();
  const engine = createEngine(Object.assign(world, { ports: () => ports }), journal);
  const configuration = appConfigurationSchema.parse({ watch_ms: 0 });
  await run(engine, { ...deploying('shop:v1'), configuration: { ...configuration, project: 'web' } } as never, 'shop');
  await run(engine, { ...deploying('blog:v1'), configuration } as never, 'blog');
  const events: Omit<NewEvent, 'ts'>[] = [];
  const providers = { has: () => false };
  const service = new SecretService({ vault, providers, engine, journal, publishEvent: (event) => void events.push(event) });
  const sync = (body: object) => service.sync(secretsSyncRequestSchema.parse(body), context);
  return { vault, world, journal, engine, events, service, sync };
}

describe('a change of secrets', () => {
  it('says which apps it concerns: those that are given it, and no narrower one of that name', async () => {
    const { sync } = await start();
    expect((await sync({ scope: 'global', secrets: { A: '1', B: '1' } })).apps).toEqual(['blog', 'shop']);
    expect((await sync({ scope: 'project', project: 'web', secrets: { A: '2' } })).apps).toEqual(['shop']);
    expect((await sync({ scope: 'global', secrets: { A: '3' } })).apps).toEqual(['blog']);
    expect((await sync({ scope: 'app', app_name: 'shop', secrets: { B: '2' } })).apps).toEqual(['shop']);
    expect((await sync({ scope: 'project', project: 'other', secrets: { A: '2' } })).apps).toEqual([]);
    expect((await sync({ scope: 'global', secrets: { A: '3' } })).apps).toEqual([]);
  });

  it('rolls them when it is asked to, and says which it could not', async () => {
    const { sync, journal, world, engine } = await start();
    await run(engine, { kind: 'stop' }, 'blog');
    const changed = await sync({ scope: 'global', secrets: { TOKEN: 'one' }, roll: true });
    expect(changed).toMatchObject({ apps: ['blog', 'shop'], rolled: [{ app_name: 'shop' }], not_rolled: [{ app_name: 'blog' }] });
    expect(changed.not_rolled[0]?.reason).toContain('start it first');
    expect(await engine.waitFor(changed.rolled[0]?.operation_id ?? '', signal)).toMatchObject({
      state: 'succeeded',
      actor: 'ana',
    });
    expect(journal.getApp('shop')?.release).toBe('r2');
    const spec = world.state.containers.get('nextdeploy-shop-green-0')?.spec;
    expect(spec?.secrets.values.get('TOKEN')?.open()).toBe('one');
  });

  it('that is only tried changes, tells and rolls nothing', async () => {
    const { sync, service, events } = await start();
    const tried = await sync({ scope: 'global', secrets: { TOKEN: 'one' }, roll: true, dry_run: true });
    expect(tried).toMatchObject({ dry_run: true, apps: ['blog', 'shop'], rolled: [], changes: [{ change: 'added' }] });
    expect(service.list({})).toEqual([]);
    expect(events).toEqual([]);
  });

  it('is an event with names and no value', async () => {
    const { sync, service, events } = await start();
    await sync({ scope: 'app', app_name: 'shop', secrets: { TOKEN: 'hunter2', OTHER: 'x' } });
    await service.remove(secretRemovalQuerySchema.parse({ scope: 'app', app_name: 'shop', name: 'OTHER' }), context);
    await sync({ scope: 'app', app_name: 'shop', secrets: { TOKEN: 'hunter2' } });
    expect(events.map(({ message, app_name }) => [app_name, message])).toEqual([
      ['shop', 'Secrets of shop changed by ana: OTHER, TOKEN'],
      ['shop', 'Secrets of shop changed by ana: OTHER'],
    ]);
  });

  it('can come before the app, and must say whose it is', async () => {
    const { sync, service } = await start();
    expect(await sync({ scope: 'app', app_name: 'soon', secrets: { A: '1' } })).toMatchObject({
      apps: [],
      changes: [{ version: 1 }],
    });
    const query = secretRemovalQuerySchema.parse({ scope: 'global', name: 'A' });
    await expect(service.remove(query, context)).rejects.toMatchObject({ code: 'not_found' });
    for (const owner of [
      { scope: 'app' },
      { scope: 'project' },
      { scope: 'global', app_name: 'shop' },
      { scope: 'app', app_name: 'shop', project: 'web' },
    ]) {
      expect(secretsSyncRequestSchema.safeParse({ ...owner, secrets: {} }).success, JSON.stringify(owner)).toBe(false);
    }
  });
});

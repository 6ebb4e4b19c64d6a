/** The real vault, engine and handlers, and providers that answer over this machine's network. */
import { describe, expect, it } from 'vitest';
import { appConfigurationSchema, deployRequestSchema, swapRequestSchema } from '../contract/configuration.ts';
import { DomainError } from '../contract/errors.ts';
import { providerRemovalQuerySchema, providerSetRequestSchema, secretsPullRequestSchema } from '../contract/secret-providers.ts';
import { secretsSyncRequestSchema } from '../contract/secrets.ts';
import type { Intent } from '../engine/engine.ts';
import type { NewEvent } from '../engine/ports.ts';
import { createEngine, deploying, run, signal, swapping } from '../engine/test-engine.ts';
import { ModelJournal } from '../engine/test-journal.ts';
import { ModelWorld } from '../engine/test-world.ts';
import { createParameterStore } from '../host/aws-parameters.ts';
import { systemClock } from '../host/clock.ts';
import { AllowedFiles } from '../host/encrypted-files.ts';
import { providerHttp } from '../host/provider-http.ts';
import { ProviderRecords } from '../secrets/provider-records.ts';
import { SecretProviders } from '../secrets/providers.ts';
import { DOPPLER_TOKEN, dopplerError, startDoppler } from '../secrets/test-doppler.ts';
import { AWS_KEYS, AWS_REGION, startSsm } from '../secrets/test-ssm.ts';
import { openTestVault } from '../secrets/test-table.ts';
import type { Handlers, RequestContext } from './handlers.ts';
import { createHandlers, type ServiceOptions } from './service.ts';
import { ProviderService } from './service-providers.ts';
import { SecretService } from './service-secrets.ts';

const VALUE = 'needle-of-the-provider';
const context: RequestContext = { actor: 'ana', role: 'admin', apps: null, idempotency_key: undefined, signal };

/** Apps `shop` of the project web and `blog` of none are deployed; Doppler has TOKEN, AWS has DB_URL. */
async function start() {
  const doppler = await startDoppler({ TOKEN: VALUE });
  const ssm = await startSsm({ '/web/db/url': VALUE });
  const { vault, table } = await openTestVault();
  const world = new ModelWorld();
  for (const image of ['shop:v1', 'shop:v2', 'blog:v1']) world.state.images.set(image, `sha256:${image}`);
  const ports = { ...world.ports(), secrets: vault };
  const journal = new ModelJournal();
  const engine = createEngine(Object.assign(world, { ports: () => ports }), journal);
  const configuration = appConfigurationSchema.parse({ watch_ms: 0 });
  await run(engine, { ...deploying('shop:v1'), configuration: { ...configuration, project: 'web' } } as never, 'shop');
  await run(engine, { ...deploying('blog:v1'), configuration } as never, 'blog');
  const events: Omit<NewEvent, 'ts'>[] = [];
  const publishEvent = (event: Omit<NewEvent, 'ts'>) => void events.push(event);
  const records = new ProviderRecords({ store: table, vault, now: () => new Date() });
  const providers = new SecretProviders({
    ...{ records, http: providerHttp, parameters: createParameterStore(providerHttp), files: new AllowedFiles([]) },
    clock: { ...systemClock, sleep: async () => undefined },
    random: () => 0,
  });
  const secrets = new SecretService({ vault, providers: records, engine, journal, publishEvent });
  const service = new ProviderService({ vault, records, providers, secrets, publishEvent });
  const options = { engine, journal, secrets, providers: service, publishEvent, defaultProxy: 'caddy' } as unknown;
  const handlers: Handlers = createHandlers(options as ServiceOptions); // what these routes use of it
  const call = <N extends keyof Handlers>(name: N, part: 'body' | 'query', value: unknown, more: Partial<RequestContext> = {}) =>
    handlers[name]({ params: {}, query: {}, body: undefined, [part]: value, context: { ...context, ...more } } as never);
  const set = (owner: object, provider: object) =>
    call('setSecretProvider', 'body', providerSetRequestSchema.parse({ ...owner, provider }));
  const pull = (owner: object, more: object = {}) =>
    call('pullSecrets', 'body', secretsPullRequestSchema.parse({ ...owner, ...more }));
  const swap = (app_name: string, image: string, more: Partial<RequestContext> = {}) =>
    call('swap', 'body', swapRequestSchema.parse({ app_name, image }), more);
  const useDoppler = (owner: object) =>
    set(owner, { kind: 'doppler', project: 'shop', config: 'prd', token: DOPPLER_TOKEN, endpoint: doppler.endpoint });
  const useSsm = (owner: object) =>
    set(owner, { kind: 'aws_ssm', region: AWS_REGION, path: '/web', ...AWS_KEYS, endpoint: ssm.endpoint });
  const given = (app: string) => {
    const { release, slot } = journal.getApp(app)!; // it was deployed
    const values = world.state.containers.get(`nextdeploy-${app}-${slot}-0`)?.spec?.secrets.values ?? new Map();
    return { release, values: Object.fromEntries([...values].map(([name, value]) => [name, value.open() as string])) };
  };
  return {
    ...{ doppler, ssm, vault, journal, engine, events, handlers, call, set, pull, swap, useDoppler, useSsm, given },
    async [Symbol.asyncDispose]() {
      await doppler[Symbol.asyncDispose]();
      await ssm[Symbol.asyncDispose]();
    },
  };
}

const failureOf = async (promise: Promise<unknown>): Promise<DomainError> => {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DomainError)) throw new Error('it did not fail as it should', { cause: error });
  return error;
};
const APP = { scope: 'app', app_name: 'shop' };
const PROJECT = { scope: 'project', project: 'web' };
const GLOBAL = { scope: 'global' };

describe('a pull', () => {
  it('says what changes and whom it concerns, and rolls them when it is asked to', async () => {
    await using all = await start();
    const { doppler, engine, pull, given } = all;
    await all.useDoppler(GLOBAL);
    expect(await pull(GLOBAL, { dry_run: true, roll: true })).toMatchObject({
      ...{ dry_run: true, apps: ['blog', 'shop'], rolled: [], changes: [{ name: 'TOKEN', change: 'added', version: 1 }] },
    });
    expect(all.vault.list({})).toEqual([]);
    const pulled = await pull(GLOBAL, { roll: true });
    expect(pulled).toMatchObject({
      changes: [{ name: 'TOKEN', change: 'added' }],
      rolled: [{ app_name: 'blog' }, { app_name: 'shop' }],
    });
    for (const { operation_id } of pulled.rolled)
      expect(await engine.waitFor(operation_id, signal)).toMatchObject({ state: 'succeeded' });
    expect(given('blog')).toEqual({ release: 'r2', values: { TOKEN: VALUE } });
    expect(await pull(GLOBAL)).toMatchObject({ changes: [{ change: 'unchanged' }], apps: [] });
    delete doppler.secrets.TOKEN;
    doppler.secrets.OTHER = VALUE;
    expect((await pull(GLOBAL)).changes.map(({ name, change }) => `${name} ${change}`)).toEqual(['OTHER added', 'TOKEN removed']);
  });

  it('leaves what was set by hand, also when that is replaced', async () => {
    await using all = await start();
    await all.useDoppler(APP);
    const sync = (body: object) => all.call('syncSecrets', 'body', secretsSyncRequestSchema.parse({ ...APP, ...body }));
    await sync({ secrets: { HAND: 'x', TOKEN: 'by hand' } });
    expect(await all.pull(APP)).toMatchObject({ changes: [{ name: 'TOKEN', change: 'kept' }], apps: [] });
    all.doppler.secrets.MORE = VALUE;
    expect((await all.pull(APP)).apps).toEqual(['shop']);
    expect(
      (await sync({ secrets: { HAND: 'y' }, mode: 'replace' })).changes.map(({ name, change }) => `${name} ${change}`),
    ).toEqual(['HAND changed', 'TOKEN removed']);
    expect((await all.pull(APP)).changes.map(({ name, change }) => `${name} ${change}`)).toEqual([
      'MORE unchanged',
      'TOKEN added',
    ]);
    // Without a provider nothing would bring them back.
    await all.call('removeSecretProvider', 'query', providerRemovalQuerySchema.parse(APP));
    expect(all.vault.list({}).map(({ name, origin }) => `${name} ${origin}`)).toEqual([
      'HAND null',
      'MORE doppler',
      'TOKEN doppler',
    ]);
    await sync({ secrets: { HAND: 'y' }, mode: 'replace' });
    expect(all.vault.list({}).map(({ name }) => name)).toEqual(['HAND']);
  });

  it('of a scope without a provider is not found, and one that fails changes nothing and is told', async () => {
    await using all = await start();
    await expect(all.pull(APP)).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('secrets providers set'),
    });
    expect(all.events).toEqual([]);
    await all.useDoppler(APP);
    await all.pull(APP);
    all.doppler.failures.push(dopplerError(401, VALUE));
    await expect(all.pull(APP)).rejects.toMatchObject({ code: 'unprocessable', details: [{ field: 'secrets' }] });
    expect(all.vault.list({}).map(({ name, version }) => `${name} ${version}`)).toEqual(['TOKEN 1']);
    expect(all.events.map(({ kind, level, app_name, message }) => [kind, level, app_name, message])).toEqual([
      ['secrets.provider_set', 'info', 'shop', 'The provider of secrets of the app shop was set by ana'],
      ['secrets.changed', 'info', 'shop', 'Secrets of shop changed by ana: TOKEN'],
      [
        'secrets.pull_failed',
        'warning',
        'shop',
        expect.stringMatching(/^The secrets of the app shop cannot be pulled: Doppler does not know the token/),
      ],
    ]);
    const failure = async () => (await all.call('listSecretProviders', 'query', {}))[0]?.last_failure;
    expect(await failure()).toMatchObject({ message: expect.stringMatching(/^The secrets of the app shop .*Doppler does not/) });
    await all.pull(APP);
    expect(await failure()).toBeNull();
  });

  it('shows no value and no credential in answers and events', async () => {
    await using all = await start();
    const answers = [await all.useDoppler(APP), await all.useSsm(PROJECT), await all.pull(APP), await all.pull(PROJECT)];
    all.doppler.failures.push({ status: 400, body: JSON.stringify({ messages: [DOPPLER_TOKEN], success: false }) });
    const { message, details } = await failureOf(all.pull(APP));
    const listed = await all.call('listSecretProviders', 'query', {});
    const removed = await all.call('removeSecretProvider', 'query', providerRemovalQuerySchema.parse(PROJECT));
    const told = JSON.stringify([answers, message, details, listed, removed, all.events, all.vault.list({})]);
    for (const needle of [VALUE, DOPPLER_TOKEN, AWS_KEYS.access_key_id, AWS_KEYS.secret_access_key])
      expect(told).not.toContain(needle);
    expect(told).toContain('"pulled_at":"2');
  });
});

describe('a deploy', () => {
  it('runs with what the providers of all its scopes have at that moment, and so does a swap', async () => {
    await using all = await start();
    await all.useSsm(PROJECT);
    await all.useDoppler(APP);
    const body = deployRequestSchema.parse({ app_name: 'shop', image: 'shop:v2', project: 'web', watch_ms: 0 });
    const { id } = await all.call('deploy', 'body', body);
    expect(await all.engine.waitFor(id, signal)).toMatchObject({ state: 'succeeded' });
    expect(all.given('shop')).toEqual({ release: 'r2', values: { TOKEN: VALUE, DB_URL: VALUE } });
    all.ssm.parameters.set('/web/db/url', 'another');
    await all.engine.waitFor((await all.swap('shop', 'shop:v1')).id, signal);
    expect(all.given('shop')).toEqual({ release: 'r3', values: { TOKEN: VALUE, DB_URL: 'another' } });
    expect(all.events.filter(({ kind }) => kind === 'secrets.changed').map(({ message }) => message)).toEqual([
      'Secrets of the project web changed by ana: DB_URL',
      'Secrets of shop changed by ana: TOKEN',
      'Secrets of the project web changed by ana: DB_URL',
    ]);
    // An app of another project asks neither.
    const asked = all.ssm.requests.length + all.doppler.requests.length;
    await all.engine.waitFor((await all.swap('blog', 'blog:v1')).id, signal);
    expect(all.ssm.requests.length + all.doppler.requests.length).toBe(asked);
  });

  it('does not begin while one of them is down, and nothing has changed', async () => {
    await using all = await start();
    await all.useSsm(PROJECT);
    await all.useDoppler(APP);
    all.doppler.failures.push(...Array.from({ length: 8 }, () => dopplerError(503, VALUE)));
    const body = deployRequestSchema.parse({ app_name: 'shop', image: 'shop:v2', project: 'web', watch_ms: 0 });
    for (const attempt of [() => all.call('deploy', 'body', body), () => all.swap('shop', 'shop:v2')]) {
      const { code, message, details } = await failureOf(attempt());
      expect({ code, message }).toEqual({
        code: 'unavailable',
        message: 'The secrets of the app shop cannot be pulled: Doppler has a fault of its own (status 503); try again later.',
      });
      expect(details).toEqual([{ field: 'secrets', message: expect.any(String) }]);
    }
    expect(all.vault.list({})).toEqual([]);
    expect(all.given('shop')).toEqual({ release: 'r1', values: {} });
    expect(all.journal.listOperations({ limit: 10 })).toHaveLength(2);
    expect(all.events.filter(({ level }) => level === 'warning')).toHaveLength(2);
    await all.engine.waitFor((await all.swap('shop', 'shop:v2')).id, signal);
    expect(all.given('shop').values).toEqual({ TOKEN: VALUE, DB_URL: VALUE });
  });

  it('keeps nothing of any where one of them is changed while it is asked', async () => {
    await using all = await start();
    await all.useSsm(PROJECT);
    await all.useDoppler(APP);
    const get = () => {
      void all.set(APP, { kind: 'doppler', project: 'shop', config: 'stg', token: DOPPLER_TOKEN });
      return VALUE;
    };
    Object.defineProperty(all.doppler.secrets, 'TOKEN', { get, enumerable: true });
    await expect(all.swap('shop', 'shop:v2')).rejects.toMatchObject({ code: 'conflict' });
    expect(all.vault.list({})).toEqual([]);
  });

  it('asks none for an app that is given no secrets, that is busy, or for a request that was made before', async () => {
    await using all = await start();
    await all.useDoppler(GLOBAL);
    const deploy = (more: object, extra: Partial<RequestContext> = {}) =>
      all.call('deploy', 'body', deployRequestSchema.parse({ app_name: 'shop', image: 'shop:v2', watch_ms: 0, ...more }), extra);
    const none = await deploy({ secrets: { inject: 'none' } });
    await expect(all.swap('shop', 'shop:v1')).rejects.toMatchObject({ code: 'conflict', operation_id: none.id });
    await all.engine.waitFor(none.id, signal);
    expect(all.doppler.requests).toEqual([]);
    const first = await deploy({}, { idempotency_key: 'once' });
    expect(all.doppler.requests).toHaveLength(1);
    all.doppler.failures.push(dopplerError(401, 'no'));
    expect((await deploy({}, { idempotency_key: 'once' })).id).toBe(first.id);
    await all.engine.waitFor(first.id, signal);
    expect(all.doppler.requests).toHaveLength(1);
    await expect(all.swap('ghost', 'shop:v1')).rejects.toMatchObject({ code: 'not_found' });
    expect(all.doppler.requests).toHaveLength(1);
  });

  it('finds out when another one began while providers were asked', async () => {
    await using all = await start();
    let others: string[] = [];
    const begin = (intent: Intent, prepare?: () => Promise<void>) =>
      all.engine.begin('shop', intent, { actor: 'ana', idempotency: null, signal, prepare });
    const prepare = async () => {
      others = [...others, (await begin({ kind: 'restart' })).id];
    };
    const { code, operation_id } = await failureOf(begin(swapping('shop:v2'), prepare));
    expect({ code, others }).toEqual({ code: 'conflict', others: [operation_id] });
    await all.engine.waitFor(operation_id ?? '', signal);
    expect(all.given('shop').release).toBe('r1');
  });

  it('is given up when its caller goes before it has begun', async () => {
    await using all = await start();
    await all.useDoppler(APP);
    all.doppler.failures.push('silent');
    const caller = new AbortController();
    const outcome = expect(all.swap('shop', 'shop:v2', { signal: caller.signal })).rejects.toThrow('the caller has gone');
    await expect.poll(() => all.doppler.requests.length).toBe(1);
    caller.abort(new Error('the caller has gone'));
    await outcome;
    expect(all.journal.listOperations({ limit: 10 })).toHaveLength(2);
    expect(all.events.map(({ kind }) => kind)).toEqual(['secrets.provider_set']);
  });
});

describe('a rollback, restart, start, scale or new release of the same', () => {
  it('needs no provider', async () => {
    await using all = await start();
    await all.useDoppler(APP);
    await all.engine.waitFor((await all.swap('shop', 'shop:v2')).id, signal);
    const asked = all.doppler.requests.length;
    all.doppler.failures.push(...Array.from({ length: 20 }, () => dopplerError(503, 'down')));
    const perform = async (name: 'rollback' | 'restartApp' | 'stopApp' | 'startApp' | 'scaleApp', body: object) => {
      const { id } = await all.handlers[name]({ params: { name: 'shop' }, query: {}, body, context } as never);
      expect(await all.engine.waitFor(id, signal), name).toMatchObject({ state: 'succeeded' });
    };
    await perform('rollback', { app_name: 'shop', code_only: false });
    await perform('restartApp', {});
    await perform('scaleApp', { replicas: 2 });
    await perform('stopApp', {});
    await perform('startApp', {});
    const rolled = await all.call(
      'syncSecrets',
      'body',
      secretsSyncRequestSchema.parse({ ...APP, secrets: { A: '1' }, roll: true }),
    );
    expect(rolled.rolled).toHaveLength(1);
    expect(all.doppler.requests).toHaveLength(asked);
  });
});

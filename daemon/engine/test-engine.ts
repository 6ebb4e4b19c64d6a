/** The real engine over the models, and what tests ask of it. */
import { type AppConfiguration, appConfigurationSchema } from '../contract/configuration.ts';
import { Engine, type Intent } from './engine.ts';
import { createExecutors } from './executors.ts';
import type { World } from './ports.ts';
import type { Executors } from './saga.ts';
import { ServedRoutes } from './served-routes.ts';
import { NO_SETTINGS } from './site-settings.ts';
import { parseSubnet } from './slots.ts';
import type { SiteSettings } from './state.ts';
import { ModelJournal } from './test-journal.ts';
import { ModelWorld } from './test-world.ts';

export const SETTINGS = { subnet: parseSubnet('10.213.0.0/16'), slots_directory: '/state/slots' };

export function createEngine(world: ModelWorld, journal: ModelJournal, wrap = (executors: Executors) => executors): Engine {
  return engineOver(world.ports(), journal, wrap);
}

export function engineOver(ports: World, journal: ModelJournal, wrap = (executors: Executors) => executors): Engine {
  // One that was refused late has used its number up, and nothing is kept of it.
  let ids = Math.max(0, ...journal.operations.map(({ id }) => Number(id.slice('op-'.length))));
  const served = new ServedRoutes(ports.proxies, journal, SETTINGS);
  const world = { ...ports, proxies: served.proxies };
  return new Engine({
    world,
    executors: wrap(createExecutors(world, journal, async () => true, served)),
    journal,
    settings: SETTINGS,
    ids: { operationId: () => `op-0000000${++ids}`, verifyKey: () => 'a'.repeat(32) },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    publish: () => undefined,
  });
}

export const signal = new AbortController().signal;

function configuration(changes: Partial<AppConfiguration> = {}): AppConfiguration {
  return { ...appConfigurationSchema.parse({ domain: 'shop.test', watch_ms: 3_000 }), ...changes };
}

/** Intents as tests write them. */
export const deploying = (image: string, changes: Partial<AppConfiguration> = {}): Intent => ({
  kind: 'deploy',
  image,
  pull: 'missing',
  configuration: configuration(changes),
  nextcore: null,
  credentials: null,
});
export const swapping = (image: string): Intent => ({ kind: 'swap', image, pull: 'missing', nextcore: null, credentials: null });
export const configuring = (changes: Partial<SiteSettings>): Intent => ({
  kind: 'configure',
  to: { ...NO_SETTINGS, ...changes },
});
export const rollingBack = (release?: string, code_only = false): Intent => ({ kind: 'rollback', release, code_only });

/** Begins an operation and waits for its end. */
export async function run(engine: Engine, intent: Intent, app = 'shop') {
  const { id } = await engine.begin(app, intent, { actor: 'test', idempotency: null, signal });
  return engine.waitFor(id, signal);
}

/** An app that has been deployed, and an engine for what comes next. */
export async function startApp(changes: Partial<AppConfiguration> = {}) {
  const world = new ModelWorld();
  world.state.images.set('shop:v1', 'sha256:1').set('shop:v2', 'sha256:2').set('shop:v3', 'sha256:3');
  const journal = new ModelJournal();
  const perform = async (intent: Intent, app = 'shop') => {
    const operation = await run(createEngine(world, journal), intent, app);
    if (operation.state !== 'succeeded') throw new Error(`${operation.state}: ${operation.error?.message}`);
    return operation;
  };
  await perform(deploying('shop:v1', changes));
  return { world, journal, perform, engine: createEngine(world, journal) };
}

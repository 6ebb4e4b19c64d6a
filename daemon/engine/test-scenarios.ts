/** One operation of each kind, with what comes before it: what all properties of operations are tested over. */
import { expect } from 'vitest';
import type { Operation } from '../contract/domain.ts';
import type { Intent } from './engine.ts';
import { configuring, createEngine, deploying as deploy, rollingBack, run, swapping } from './test-engine.ts';
import { ModelJournal } from './test-journal.ts';
import { ModelWorld } from './test-world.ts';

export interface Scenario {
  name: string;
  before: Intent[];
  intent: Intent;
  /** Something serves before, and must at every instant until the end. */
  isSeamless: boolean;
}

const v1 = deploy('shop:v1');
const swap: Intent = swapping('shop:v2');

export const SCENARIOS: Scenario[] = [
  { name: 'first deploy', before: [], intent: v1, isSeamless: false },
  {
    name: 'first deploy of a worker without a domain',
    before: [],
    intent: deploy('shop:v1', { domain: undefined }),
    isSeamless: false,
  },
  { name: 'swap', before: [v1], intent: swap, isSeamless: true },
  { name: 'second swap', before: [v1, swap], intent: swapping('shop:v1'), isSeamless: true },
  {
    name: 'deploy to another domain and port',
    before: [v1],
    intent: deploy('shop:v2', { domain: 'new.test', ports: [8080] }),
    isSeamless: true,
  },
  {
    name: 'deploy that gives the domain up',
    before: [v1],
    intent: deploy('shop:v2', { domain: undefined, ports: [8080] }),
    isSeamless: true,
  },
  { name: 'rollback', before: [v1, swap], intent: rollingBack(), isSeamless: true },
  {
    name: 'rollback of the code only',
    before: [v1, deploy('shop:v2', { env: { A: '1' } })],
    intent: rollingBack('r1', true),
    isSeamless: true,
  },
  { name: 'scale up', before: [v1], intent: { kind: 'scale', replicas: 3 }, isSeamless: true },
  {
    name: 'scale down',
    before: [deploy('shop:v1', { replicas: 3 })],
    intent: { kind: 'scale', replicas: 1 },
    isSeamless: true,
  },
  { name: 'swap of three replicas', before: [deploy('shop:v1', { replicas: 3 })], intent: swap, isSeamless: true },
  {
    name: 'deploy with one-off commands',
    before: [v1],
    intent: deploy('shop:v2', {
      pre_switch: { command: ['migrate'], timeout_ms: 1_000 },
      post_switch: { command: ['warm'], timeout_ms: 1_000 },
    }),
    isSeamless: true,
  },
  {
    name: 'move to another proxy, port and number of replicas',
    before: [v1],
    intent: deploy('shop:v2', { proxy: 'nginx', ports: [8080], replicas: 2 }),
    isSeamless: true,
  },
  {
    name: 'deploy with aliases and redirects in place of domains',
    before: [deploy('shop:v1', { aliases: ['www.test'] })],
    intent: deploy('shop:v2', { redirects: [{ from: 'www.test', status: 308 }] }),
    isSeamless: true,
  },
  { name: 'maintenance', before: [v1], intent: { kind: 'maintenance', to: { message: 'Soon.' } }, isSeamless: true },
  {
    name: 'end of maintenance',
    before: [v1, { kind: 'maintenance', to: { message: 'Soon.' } }],
    intent: { kind: 'maintenance', to: null },
    isSeamless: true,
  },
  { name: 'configuration of its site', before: [v1], intent: configuring({ headers: { A: 'b' }, www: 'add' }), isSeamless: true },
  {
    name: 'configuration in place of another, in two replicas',
    before: [deploy('shop:v1', { replicas: 2 }), configuring({ www: 'add', compression: true })],
    intent: configuring({ www: 'remove', prefixes: [{ path: '/api', strip: true, port: 9000 }] }),
    isSeamless: true,
  },
  {
    name: 'deploy to another domain and proxy with a site that is configured',
    before: [v1, configuring({ www: 'remove', headers: { A: 'b' } })],
    intent: deploy('shop:v2', { domain: 'new.test', proxy: 'nginx' }),
    isSeamless: true,
  },
  { name: 'restart', before: [v1], intent: { kind: 'restart' }, isSeamless: true },
  { name: 'stop', before: [v1], intent: { kind: 'stop' }, isSeamless: false },
  { name: 'start', before: [v1, { kind: 'stop' }], intent: { kind: 'start' }, isSeamless: false },
  { name: 'deploy to a stopped app', before: [v1, { kind: 'stop' }], intent: deploy('shop:v2'), isSeamless: false },
  { name: 'remove', before: [v1, swap], intent: { kind: 'remove' }, isSeamless: false },
];

const prepared = new Map<Scenario, Promise<{ world: ModelWorld; journal: ModelJournal }>>();

async function begin({ before }: Scenario) {
  const world = new ModelWorld();
  world.state.images.set('shop:v1', 'sha256:1').set('shop:v2', 'sha256:2');
  const journal = new ModelJournal();
  for (const intent of before) expect((await run(createEngine(world, journal), intent)).state).toBe('succeeded');
  return { world, journal };
}

/** What the scenario's operation finds; made once, copied each time. */
export async function prepare(scenario: Scenario) {
  const { isSeamless } = scenario;
  const begun = prepared.get(scenario) ?? begin(scenario);
  prepared.set(scenario, begun);
  const world = (await begun).world.copy();
  const journal = (await begun).journal.copy();
  const seen = new Set<unknown>();
  const watch = () => void seen.add(typeof world.serving('shop'));
  world.hook = watch;
  const expectSeamless = () => {
    if (isSeamless) expect([...seen].filter((answer) => answer !== 'object')).toEqual([]);
  };
  return { world, journal, watch, expectSeamless };
}

export const snapshotOf = ({ world, journal }: { world: ModelWorld; journal: ModelJournal }) => ({
  world: world.snapshot(),
  kept: journal.snapshot(),
});

/** The result of a run in which nothing happens. */
export async function undisturbed(scenario: Scenario) {
  const parts = await prepare(scenario);
  const before = snapshotOf(parts);
  let effects = 0;
  let looks = 0;
  parts.world.hook = () => {
    effects += 1;
  };
  parts.world.onLook = () => {
    looks += 1;
  };
  let commits = 0;
  parts.journal.beforeCommit = () => {
    commits += 1;
  };
  const operation = await run(createEngine(parts.world, parts.journal), scenario.intent);
  return { operation, before, after: snapshotOf(parts), effects, moments: effects + looks, commits };
}

export function withoutFailedRelease(snapshot: ReturnType<typeof snapshotOf>, operation: Pick<Operation, 'release'>) {
  const kept = snapshot.kept as { apps: { name: string; release: unknown }[]; releases: { id: string; state: string }[] };
  const releases = kept.releases.filter(({ id, state }) => !(id === operation.release && state === 'failed'));
  // A failed first deploy stays in the list of apps, to be seen and tried again.
  return { ...snapshot, kept: { apps: kept.apps.filter(({ release }) => release !== null), releases } };
}

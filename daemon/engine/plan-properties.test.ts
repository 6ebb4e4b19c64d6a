/** What holds of every plan, whatever is asked of whatever app. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AppConfiguration, appConfigurationSchema } from '../contract/configuration.ts';
import type { Release } from '../contract/domain.ts';
import { LIMITS } from '../contract/limits.ts';
import { isOneWayStep } from '../contract/rules.ts';
import type { SecretPin } from '../contract/secrets.ts';
import { type Observed, type Plan, planOperation, type Wish, wantedMarker } from './plan.ts';
import { isSameRoute, namesOf, routeOf, upstreamsOf } from './routing.ts';
import { containerName, parseSubnet, replicaNames, slotAddress } from './slots.ts';
import { type AppRecord, isSlot, otherSlot, type RouteModel, type SiteSettings } from './state.ts';
import type { ContainerPlan, RouteChange, Routing, Step, StepOf } from './steps.ts';
import { isUndoable } from './steps.ts';

const SETTINGS = { subnet: parseSubnet('10.213.0.0/16'), slots_directory: '/state/slots' };
const STAMP = { operation_id: 'op-00000001', verify_key: 'f'.repeat(32), actor: 'admin', at: '2026-01-01T00:00:00.000Z' };
const ORDER =
  'validate pull pre_switch maintain create start route probe scale route switch verify post_switch watch route drain stop retire route remove';
const NAMES = ['one.test', 'two.test', 'three.test', 'four.test'];

const anySettings: fc.Arbitrary<SiteSettings> = fc.record({
  www: fc.constantFrom('off' as const, 'add' as const, 'remove' as const),
  redirects: fc.constantFrom([], [{ from: '/old', to: '/new', status: 308 as const }]),
  prefixes: fc.constantFrom([], [{ path: '/api', strip: false, port: 9000 }], [{ path: '/blog', strip: true, app_name: 'blog' }]),
  headers: fc.constantFrom({}, { 'X-Frame-Options': 'DENY' }),
  basic_auth: fc.constant([]),
  body_bytes_max: fc.constantFrom(null, 1_000),
  compression: fc.boolean(),
});

const hook = fc.option(fc.constant({ command: ['migrate'], timeout_ms: 1_000 }), { nil: undefined });
const replicas = fc.integer({ min: 1, max: LIMITS.replicas_max });

const anyConfiguration: fc.Arbitrary<AppConfiguration> = fc
  .record({
    names: fc.shuffledSubarray(NAMES),
    isRedirected: fc.boolean(),
    port: fc.constantFrom(3000, 4000),
    proxy: fc.constantFrom('caddy' as const, 'nginx' as const),
    health: fc.constantFrom({ kind: 'http' as const }, { kind: 'tcp' as const }, { kind: 'none' as const }),
    watch_ms: fc.constantFrom(0, 60_000),
    pre_switch: hook,
    post_switch: hook,
  })
  .map(({ names: [domain, ...others], isRedirected, port, ...rest }) =>
    appConfigurationSchema.parse({
      ...rest,
      ...(domain !== undefined && {
        domain,
        [isRedirected ? 'redirects' : 'aliases']: isRedirected ? others.map((from) => ({ from })) : others,
      }),
      ports: [port],
    }),
  );

function releaseOf(id: string, configuration: AppConfiguration): Release {
  const rest = { image: 'shop:v1', image_id: 'sha256:1', nextcore: null, ended_at: null, end_reason: null } as const;
  const secrets: SecretPin[] = [];
  const { at: created_at, actor: created_by } = STAMP;
  return {
    id,
    app_name: 'shop',
    state: 'live',
    configuration,
    secrets,
    created_at,
    created_by,
    operation_id: 'op-00000000',
    ...rest,
  };
}

/** As operations leave it: never deployed, live or stopped; `stale`: the last one got stuck before it set the route right. */
const anyObserved: fc.Arbitrary<Observed> = fc
  .record({
    configuration: fc.option(anyConfiguration, { freq: 8 }),
    stale: fc.option(anyConfiguration),
    slot: fc.constantFrom('blue' as const, 'green' as const),
    wanted: fc.constantFrom('running' as const, 'running' as const, 'stopped' as const),
    replicas,
    index: fc.integer({ min: 1, max: 4000 }),
    number: fc.integer({ min: 1, max: 50 }),
    isKnown: fc.boolean(),
    routing: fc.option(anySettings),
  })
  .map(({ configuration, stale, slot, wanted, index, number, isKnown, routing, replicas: count }) => {
    if (configuration === null && !isKnown) return { app: null, live: null, others: [], has_certain_route: true };
    const base = {
      name: 'shop',
      index,
      verify_key: STAMP.verify_key,
      last_release_number: number,
      last_error: null,
      maintenance: null,
      routing,
    };
    const times = { created_at: STAMP.at, updated_at: STAMP.at };
    const id = `r${number}`;
    const serving = configuration ? { release: id, slot, wanted } : { release: null, slot: null, wanted: 'running' as const };
    const routed = stale ?? configuration;
    const route = routed && configuration ? routeOf(base, routed, count, SETTINGS) : null;
    const app: AppRecord = { ...base, ...times, ...serving, replicas: count, route };
    return { app, live: configuration ? releaseOf(id, configuration) : null, others: [], has_certain_route: true };
  });

const newRelease = fc
  .tuple(fc.constantFrom('deploy' as const, 'swap' as const, 'rollback' as const), anyConfiguration, replicas)
  .map(
    ([kind, configuration, count]): Wish => ({
      kind,
      image: 'shop:v2',
      pinned_image_id: null,
      pull: 'missing',
      has_credentials: false,
      configuration,
      secrets: [],
      nextcore: null,
      replicas: count,
    }),
  );
const known = fc
  .tuple(fc.constantFrom('rollback' as const, 'start' as const, 'restart' as const), anyConfiguration)
  .map(([kind, configuration]): Wish => ({ kind, release: releaseOf('r1', configuration) }));
const simple = fc.oneof(
  replicas.map((count): Wish => ({ kind: 'scale', replicas: count })),
  fc.constantFrom<Wish>({ kind: 'stop' }, { kind: 'remove' }, { kind: 'maintenance', to: null }),
  anySettings.map((to): Wish => ({ kind: 'configure', to })),
);

interface Case {
  observed: Observed;
  wish: Wish;
  plan: Plan;
  steps: Step[];
}

/** What the engine would refuse before it plans is left out. */
const anyCase: fc.Arbitrary<Case> = fc
  .tuple(
    anyObserved,
    fc.oneof({ weight: 3, arbitrary: newRelease }, { weight: 2, arbitrary: known }, { weight: 2, arbitrary: simple }),
  )
  .filter(([{ app, live }, wish]) => wish.kind === 'deploy' || (app !== null && (live !== null || wish.kind === 'remove')))
  .filter(([{ app }, wish]) => wish.kind !== 'scale' || (app?.wanted === 'running' && wish.replicas !== app.replicas))
  .map(([observed, wish]) => {
    const plan = planOperation('shop', wish, deepFreeze(observed), SETTINGS, STAMP);
    return { observed, wish, plan, steps: plan.operation.steps.map(({ step }) => step) };
  });

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}

const holds = (property: (one: Case) => void) => fc.assert(fc.property(anyCase, property), { numRuns: 300 });
const all = <N extends Step['name']>(steps: readonly Step[], name: N) =>
  steps.filter((step): step is StepOf<N> & Step => step.name === name) as StepOf<N>[];
const namesIn = (containers: readonly ContainerPlan[]) => containers.map(({ name }) => name);
const liveNames = ({ app }: Observed) => {
  const marker = app && wantedMarker(app);
  return app && isSlot(marker) ? replicaNames(app.name, marker, app.replicas) : [];
};

describe('every plan', () => {
  it('has its steps in the one order, each at most once, and what cannot be undone comes last', () => {
    holds(({ steps, wish }) => {
      const names = steps.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      let at = 0;
      for (const name of names) {
        at = ORDER.split(' ').indexOf(name, at);
        expect({ name, at }).not.toEqual({ name, at: -1 });
      }
      const first = steps.findIndex(({ on_failure }) => on_failure === 'stuck');
      const tail = first < 0 ? [] : steps.slice(first);
      expect(tail.every(({ on_failure }) => on_failure === 'stuck')).toBe(true);
      if (wish.kind === 'stop' || wish.kind === 'remove') expect(first).toBe(0);
      else expect(tail.filter(({ name }) => isUndoable(name))).toEqual([]);
    });
  });

  it('says of a step that it has no way back where the contract tells operators so', () => {
    holds(({ steps, plan }) => {
      for (const { name, on_failure } of steps) {
        expect({ name, on_failure }).toEqual({ name, on_failure: isOneWayStep(plan.operation.kind, name) ? 'stuck' : 'unwind' });
      }
    });
  });

  it('leaves the containers that serve alone until they are drained', () => {
    holds(({ steps, observed, wish }) => {
      const live = liveNames(observed);
      const made = all(steps, 'create').flatMap(({ containers }) => namesIn(containers));
      expect(made.filter((name) => live.includes(name))).toEqual([]);
      for (const name of ['start', 'probe', 'watch'] as const) {
        for (const { containers } of all(steps, name)) expect(namesIn(containers)).toEqual(made);
      }
      const [drain] = all(steps, 'drain');
      const ended = [...all(steps, 'retire'), ...all(steps, 'stop')].flatMap(({ containers }) => containers);
      if (ended.length > 0 && live.length > 0) {
        expect(drain?.addresses).toEqual(ended.map(({ address }) => address));
        expect(steps.findIndex(({ name }) => name === 'drain')).toBeLessThan(
          steps.findIndex(({ name }) => name === 'retire' || name === 'stop'),
        );
      }
      if (!['scale', 'maintenance', 'configure'].includes(wish.kind))
        expect(namesIn(ended)).toEqual(live.length > 0 ? live : namesIn(ended));
    });
  });

  it('makes each container at the address of its name, and none twice', () => {
    holds(({ steps, plan: { app, operation } }) => {
      const [create] = all(steps, 'create');
      for (const { name, address } of create?.containers ?? []) {
        const slot = create?.template.slot ?? 'blue';
        const replica = Number(name.split('-').at(-1));
        expect(name).toBe(containerName('shop', slot, replica));
        expect(address).toBe(slotAddress(SETTINGS.subnet, app.index, slot, replica));
        expect(replica).toBeLessThan(LIMITS.replicas_max);
      }
      expect(new Set(create?.containers.map(({ address }) => address)).size).toBe(create?.containers.length ?? 0);
      expect(create?.template.operation_id ?? operation.id).toBe(operation.id);
    });
  });

  it('switches to the other slot once it is healthy, with the way back', () => {
    holds(({ steps, plan: { app, operation } }) => {
      const [step] = all(steps, 'switch');
      if (step === undefined) return;
      const marker = wantedMarker(app);
      const { release, slot, replicas: count } = app;
      expect(step.from).toEqual({ marker, release, slot, replicas: count });
      const order = steps.map(({ name }) => name);
      if (step.to.marker === 'stopped') return;
      expect(step.to).toMatchObject({ marker: operation.slot, slot: operation.slot, release: operation.release });
      if (isSlot(marker)) expect(step.to.marker).toBe(otherSlot(marker));
      expect(order.indexOf('switch')).toBeGreaterThan(order.indexOf('probe'));
      expect(namesIn(step.containers)).toEqual(replicaNames('shop', operation.slot!, step.to.replicas)); // a switch to a slot has it
      expect(namesIn(step.replaces?.containers ?? [])).toEqual(
        liveNames({ app, live: null, others: [], has_certain_route: true }),
      );
    });
  });

  it('keeps every name that serves with whoever serves, and ends with the route that is wanted', () => {
    holds(({ steps, observed, wish, plan: { app } }) => {
      if (wish.kind === 'maintenance' || wish.kind === 'stop') return;
      const served = new Map<string, RouteModel>(app.route ? [[app.route.proxy, app.route]] : []);
      let kept = app.route;
      const marker = wantedMarker(app);
      const configuration = configurationOf(wish, observed);
      for (const step of steps) {
        const routing: Routing | null = step.name === 'route' || step.name === 'retire' ? step.routing : null;
        if (routing === null) continue;
        expect(isSameRoute(routing.from, kept)).toBe(true);
        kept = routing.to;
        for (const change of routing.changes) apply(change, served);
        const isInPlace = ['remove', 'scale', 'configure'].includes(wish.kind);
        if (step.name !== 'route' || isInPlace || !isSlot(marker) || app.route === null) continue;
        for (const name of namesOf(app.route)) {
          const routes = [...served.values()].filter((route) => namesOf(route).includes(name));
          expect(routes.length).toBeGreaterThan(0);
          // Before the switch and after it.
          for (const { upstreams } of routes) {
            expect(upstreams[marker]).toEqual(app.route.upstreams[marker]);
            const count = all(steps, 'switch')[0]?.to.replicas;
            expect(upstreams[otherSlot(marker)]).toHaveLength(count ?? 0);
            for (const upstream of upstreams[otherSlot(marker)])
              expect(upstream).toMatch(new RegExp(`:${configuration?.ports[0]}$`));
          }
        }
      }
      const isConfigured = wish.kind === 'configure';
      const switched = all(steps, 'switch')[0]?.to.replicas;
      const count = wish.kind === 'scale' ? wish.replicas : (switched ?? (isConfigured ? app.replicas : 0));
      const routing = isConfigured ? wish.to : (app.routing ?? null);
      const routed = configuration && routeOf({ ...app, routing }, configuration, count, SETTINGS);
      const scaled = configuration && app.route && { ...app.route, upstreams: upstreamsOf(app, configuration, count, SETTINGS) };
      const wanted = wish.kind === 'scale' ? scaled : routed;
      expect(isSameRoute(kept, wanted)).toBe(true);
      const sorted = (route: RouteModel) => namesOf(route).toSorted((a, b) => a.localeCompare(b));
      expect([...served.values()].map(sorted)).toEqual(wanted ? [sorted(wanted)] : []);
    });
  });

  it('counts up for a new release alone, runs one-off commands for it alone, and changes nothing else of the app', () => {
    holds(({ steps, observed, wish, plan }) => {
      const isNew = 'image' in wish;
      const { last_release_number: before = 0, ...rest } = observed.app ?? {};
      const { last_release_number: after, ...same } = plan.app;
      if (observed.app) expect(same).toEqual(rest);
      expect(after).toBe(before + (isNew ? 1 : 0));
      expect(plan.release?.id ?? null).toBe(isNew ? `r${after}` : null);
      expect(plan.operation.is_new_release).toBe(isNew);
      const hooks = steps.filter(({ name }) => name === 'pre_switch' || name === 'post_switch').map(({ name }) => name);
      const asked = isNew ? (['pre_switch', 'post_switch'] as const).filter((name) => wish.configuration[name]) : [];
      expect(hooks).toEqual(asked);
    });
  });

  it('is the same for the same', () => {
    holds(({ observed, wish, plan }) => {
      expect(planOperation('shop', wish, observed, SETTINGS, STAMP)).toEqual(plan);
    });
  });
});

function apply({ proxy, from, to }: RouteChange, served: Map<string, RouteModel>): void {
  expect(isSameRoute(served.get(proxy) ?? null, from)).toBe(true);
  if (to === null) served.delete(proxy);
  else served.set(proxy, to);
}

/** That the app is to serve when all is done. */
function configurationOf(wish: Wish, { live }: Observed): AppConfiguration | null {
  if ('configuration' in wish) return wish.configuration;
  if ('release' in wish) return wish.release.configuration;
  return wish.kind === 'remove' ? null : (live?.configuration ?? null);
}

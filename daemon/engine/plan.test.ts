import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AppConfiguration, appConfigurationSchema } from '../contract/configuration.ts';
import type { Release } from '../contract/domain.ts';
import { type Observed, planOperation, type Wish } from './plan.ts';
import { parseSubnet } from './slots.ts';
import type { AppRecord, MarkerState } from './state.ts';
import type { Step, StepOf } from './steps.ts';

const SETTINGS = { subnet: parseSubnet('10.213.0.0/16'), slots_directory: '/state/slots' };
const STAMP = { operation_id: 'op-00000001', verify_key: 'f'.repeat(32), actor: 'admin', at: '2026-01-01T00:00:00.000Z' };
const NOTHING: Observed = { app: null, live: null, others: [], has_certain_route: true };

const configured = (input: Partial<AppConfiguration> = {}) => ({
  ...appConfigurationSchema.parse({ domain: 'shop.test' }),
  ...input,
});

function release(id: string, configuration: AppConfiguration): Release {
  return {
    id,
    app_name: 'shop',
    state: 'live',
    image: 'shop:v1',
    image_id: 'sha256:1',
    configuration,
    nextcore: null,
    secrets: [],
    created_at: STAMP.at,
    created_by: 'admin',
    operation_id: 'op-00000000',
    ended_at: null,
    end_reason: null,
  };
}

/** An app as the first deploy leaves it, with a marker that says `marker`. */
function deployed(marker: MarkerState, configuration = configured()): Observed & { app: AppRecord; live: Release } {
  const first = planOperation('shop', deployOf('shop:v1', configuration), NOTHING, SETTINGS, STAMP);
  const route = step(first.operation.steps, 'route')?.routing.to ?? null;
  const slot = marker === 'green' ? 'green' : 'blue';
  const app: AppRecord = { ...first.app, release: 'r1', slot, wanted: marker === 'stopped' ? 'stopped' : 'running', route };
  return { app, live: release('r1', configuration), others: [], has_certain_route: true };
}

function step<N extends Step['name']>(steps: readonly { step: Step }[], name: N): StepOf<N> | undefined {
  return steps.map((record) => record.step).find((candidate): candidate is StepOf<N> => candidate.name === name);
}

const names = (steps: readonly { step: Step }[]) => steps.map((record) => record.step.name).join(' ');
const plan = (wish: Wish, observed: Observed) => planOperation('shop', wish, observed, SETTINGS, STAMP).operation;
const deployOf = (image: string, configuration: AppConfiguration): Wish => ({
  kind: 'deploy',
  image,
  pinned_image_id: null,
  pull: 'missing',
  has_credentials: false,
  configuration,
  secrets: [],
  nextcore: null,
  replicas: configuration.replicas,
});
const deploy = (input: Partial<AppConfiguration> = {}) => deployOf('shop:v2', configured(input));

describe('a plan', () => {
  it('of a first deploy sets the route up while the app starts, and retires nothing', () => {
    const { operation, app, release: made } = planOperation('shop', deploy(), NOTHING, SETTINGS, STAMP);
    expect(names(operation.steps)).toBe('validate pull create start route probe switch verify');
    expect(operation).toMatchObject({ release: 'r1', is_new_release: true, from_release: null, slot: 'blue' });
    expect(app).toMatchObject({ index: 1, last_release_number: 1 });
    expect(made).toMatchObject({ id: 'r1', image: 'shop:v2', created_by: 'admin' });
    expect(step(operation.steps, 'route')?.routing.to).toEqual({
      app_name: 'shop',
      proxy: 'caddy',
      sites: [{ domain: 'shop.test', tls: 'off' }],
      redirects: [],
      upstreams: { blue: ['10.213.0.16:3000'], green: ['10.213.0.24:3000'] },
      health_path: '/',
      marker_directory: '/state/slots/shop',
      verify_key: STAMP.verify_key,
    });
  });

  it('of a swap needs no change of the route', () => {
    const operation = plan(deploy(), deployed('blue'));
    expect(names(operation.steps)).toBe('validate pull create start probe switch verify watch drain retire');
    expect(operation.slot).toBe('green');
    expect(step(operation.steps, 'retire')).toMatchObject({
      containers: [{ name: 'nextdeploy-shop-blue-0' }],
      routing: null,
    });
  });

  it('of a change of port or domain changes a serving route only for a healthy release, and gives the old domain up at the end', () => {
    const operation = plan(deploy({ domain: 'new.test', ports: [8080] }), deployed('green'));
    expect(names(operation.steps)).toBe('validate pull create start probe route switch verify watch drain retire');
    expect(step(operation.steps, 'route')?.routing.to).toMatchObject({
      sites: [{ domain: 'new.test' }, { domain: 'shop.test' }],
      upstreams: { blue: ['10.213.0.16:8080'], green: ['10.213.0.24:3000'] },
    });
    expect(step(operation.steps, 'retire')?.routing?.to).toMatchObject({ sites: [{ domain: 'new.test' }] });
  });

  it('of a change of port leaves both slots with it, so that the next swap changes no route', () => {
    const first = deployed('blue');
    const configuration = configured({ ports: [8080] });
    const route = step(plan(deploy({ ports: [8080] }), first).steps, 'retire')?.routing?.to;
    expect(route).toMatchObject({ upstreams: { blue: ['10.213.0.16:8080'], green: ['10.213.0.24:8080'] } });
    if (!route) throw new Error('the route is to change');
    const after = { ...first.app, release: 'r2', last_release_number: 2, slot: 'green' as const, route };
    const observed = { app: after, live: release('r2', configuration), others: [], has_certain_route: true };
    const next = plan(deploy({ ports: [8080] }), observed);
    expect(names(next.steps)).toBe('validate pull create start probe switch verify watch drain retire');
    expect(step(next.steps, 'retire')?.routing).toBeNull();
  });

  it('of a worker has neither route nor verification', () => {
    const operation = plan(deploy({ domain: undefined }), NOTHING);
    expect(names(operation.steps)).toBe('validate pull create start probe switch');
  });

  it('of a start uses the slot that the route names already', () => {
    const observed = deployed('stopped');
    const operation = plan({ kind: 'start', release: observed.live }, observed);
    expect(names(operation.steps)).toBe('validate pull create start probe switch verify');
    expect(operation).toMatchObject({ slot: 'blue', release: 'r1', is_new_release: false });
    expect(step(operation.steps, 'pull')?.image.pinned_image_id).toBe('sha256:1');
  });

  it('of a stop answers 503 before it drains, and has no way back', () => {
    const operation = plan({ kind: 'stop' }, deployed('blue'));
    expect(names(operation.steps)).toBe('switch drain stop');
    expect(operation.steps.map((record) => record.step.on_failure)).toEqual(['stuck', 'stuck', 'stuck']);
    expect(step(operation.steps, 'switch')?.to).toEqual({ marker: 'stopped', release: 'r1', slot: 'blue', replicas: 1 });
  });

  it('of a removal ends with the route and everything kept', () => {
    expect(names(plan({ kind: 'remove' }, deployed('green')).steps)).toBe('switch drain stop route remove');
    const neverLive = { ...NOTHING, app: { ...deployed('blue').app, release: null, slot: null, route: null } };
    const ofFirst = plan({ kind: 'remove' }, neverLive).steps;
    expect(names(ofFirst)).toBe('stop route remove');
    // What a first deploy that got stuck has left in either of them.
    expect(step(ofFirst, 'route')?.routing.changes).toEqual([
      { proxy: 'caddy', from: null, to: null },
      { proxy: 'nginx', from: null, to: null },
    ]);
    const worker = { ...deployed('green'), app: { ...deployed('green').app, route: null } };
    expect(names(plan({ kind: 'remove' }, worker).steps)).toBe('switch drain stop remove');
    expect(names(plan({ kind: 'remove' }, { ...worker, has_certain_route: false }).steps)).toBe('switch drain stop route remove');
  });

  it('gives PORT by what is served and HOSTNAME by default, whatever the rest of the environment says', () => {
    const operation = plan(deploy({ ports: [4000], env: { PORT: '1', HOSTNAME: '::', A: 'b' } }), NOTHING);
    expect(step(operation.steps, 'create')?.template.env).toEqual({ PORT: '4000', HOSTNAME: '::', A: 'b' });
    expect(step(plan(deploy(), NOTHING).steps, 'create')?.template.env).toEqual({ PORT: '3000', HOSTNAME: '0.0.0.0' });
  });

  it('never touches the slot that serves, whatever is wished', () => {
    const wish = fc.oneof(
      fc
        .record({ domain: fc.constantFrom('shop.test', 'new.test', undefined), port: fc.constantFrom(3000, 4000) })
        .map(({ domain, port }) => deploy({ domain, ports: [port] })),
      fc.constantFrom<Wish>(
        { kind: 'restart', release: release('r1', configured()) },
        { kind: 'rollback', release: release('r1', configured()) },
      ),
    );
    fc.assert(
      fc.property(wish, fc.constantFrom<MarkerState>('blue', 'green', 'stopped'), (wanted, marker) => {
        const observed = deployed(marker);
        const { steps, slot } = plan(wanted, observed);
        expect(slot).not.toBe(marker);
        const made = step(steps, 'create')?.containers.map(({ name }) => name);
        const ended = step(steps, 'retire')?.containers.map(({ name }) => name) ?? [];
        expect(made).toEqual([`nextdeploy-shop-${slot}-0`]);
        expect(ended).toEqual(marker === 'stopped' ? [] : [`nextdeploy-shop-${marker}-0`]);
        const bridged = step(steps, 'route')?.routing.to;
        // What serves now is served on until the switch.
        if (bridged && marker !== 'stopped') {
          expect(bridged.sites.map(({ domain }) => domain)).toContain('shop.test');
          expect(bridged.upstreams[marker]).toEqual(observed.app.route?.upstreams[marker]);
        }
        const order = steps.map((record) => record.step.name);
        expect(order.indexOf('probe')).toBeLessThan(order.indexOf('switch'));
        if (order.includes('retire')) expect(order.indexOf('retire')).toBeGreaterThan(order.indexOf('switch'));
      }),
    );
  });
});

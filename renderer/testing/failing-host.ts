import type { DaemonEvent, Evidence, Operation, OperationStep, StepName, StepState } from '../../daemon/contract/domain.ts';
import { HOOK_OUTPUT } from './script-steps.ts';
import { ago, app, DAY_MS, HOUR_MS, host, image, MINUTE_MS, operation, release, type WorldHost } from './world.ts';

const probeEvidence = (): Evidence => ({
  step: 'probe',
  reason: 'GET /api/health did not answer with 2xx or 3xx within 60 s',
  probes: [500, 500, null].map((status, index) => ({
    at: ago((61 - index * 20) * 1000),
    target: '10.213.0.9:3000/api/health',
    healthy: false,
    status,
    duration_ms: 12.4 + index,
    detail: status === null ? 'connection refused' : '{"error":"relation \\"orders\\" does not exist"}',
  })),
  log_tail: [
    '▲ Next.js 16.0.1',
    '- Local:   http://localhost:3000',
    'Ready in 412ms',
    'Error: relation "orders" does not exist',
    '    at async GET (/app/.next/server/app/api/health/route.js:1:2231)',
  ],
  exit_code: null,
  oom_killed: false,
});

const oomEvidence = (): Evidence => ({
  step: 'watch',
  reason: 'the container was killed for want of memory 38 s after the switch',
  probes: [200, 200, null].map((status, index) => ({
    at: ago((30 - index * 5) * MINUTE_MS),
    target: '10.213.0.33:3000/api/health',
    healthy: status !== null,
    status,
    duration_ms: status === null ? 5_000 : 3.1,
    detail: status === null ? 'no answer within 5 s' : '{"ok":true}',
  })),
  log_tail: [
    'Ready in 388ms',
    'GET /search?q=shoes 200 in 41ms',
    '<--- Last few GCs --->',
    '[1:0x5d0e0]    38112 ms: Mark-Compact 250.1 (259.8) -> 249.7 (260.1) MB',
  ],
  exit_code: 137,
  oom_killed: true,
});

/** The same operation with other states of some steps; whatever follows the last one named was never begun. */
function withSteps(
  whole: Operation,
  part: Partial<Operation>,
  states: Partial<Record<StepName, [StepState, string?]>>,
): Operation {
  const last = whole.steps.findLastIndex((step) => states[step.name] !== undefined);
  const steps = whole.steps.map((step, index): OperationStep => {
    const [state, detail] = states[step.name] ?? [];
    if (state !== undefined) return { ...step, state, detail: detail ?? step.detail };
    return index < last ? step : { ...step, state: 'skipped', started_at: null, ended_at: null, detail: null };
  });
  return { ...whole, steps, ...part };
}

function endedOperations(): Operation[] {
  const swap = (app_name: string, image_name: string, number: number, age_ms: number) =>
    operation({
      app_name,
      kind: 'swap',
      image: image_name,
      release: `r${number}`,
      from_release: `r${number - 1}`,
      slot: 'green',
      created_at: ago(age_ms),
    });
  const failed = (whole: Operation, message: string) =>
    withSteps(
      whole,
      { state: 'failed', error: { message, step: 'probe' }, evidence: probeEvidence() },
      { create: ['undone'], start: ['undone'], probe: ['failed', '0 of 3 probes passed: 500, 500, refused'] },
    );
  const portal = operation({
    app_name: 'portal',
    kind: 'deploy',
    image: 'portal:v1',
    release: 'r1',
    slot: 'blue',
    created_at: ago(80_000),
  });
  const mailer = withSteps(
    operation({
      app_name: 'mailer',
      kind: 'deploy',
      image: 'mailer:v7',
      release: 'r7',
      from_release: 'r6',
      slot: 'green',
      created_at: ago(9 * MINUTE_MS),
    }),
    { state: 'cancelled', error: { message: 'It was cancelled by admin.', step: 'create' } },
    { create: ['undone'] },
  );
  const hook: OperationStep = {
    name: 'pre_switch',
    state: 'failed',
    started_at: ago(5 * MINUTE_MS),
    ended_at: ago(5 * MINUTE_MS - 3_400),
    detail: 'exit code 1',
    output: [
      ...HOOK_OUTPUT.slice(0, 6),
      'ERROR:  column "channel" of relation "orders" already exists',
      'migration 2025-11-22_order_channel failed, rolled back',
    ],
    layers: null,
  };
  const cart = withSteps(
    operation({
      app_name: 'cart',
      kind: 'deploy',
      image: 'cart:v12',
      release: 'r12',
      from_release: 'r11',
      slot: 'blue',
      created_at: ago(5 * MINUTE_MS),
    }),
    {
      state: 'failed',
      error: { message: 'The pre-switch command ended with exit code 1; nothing was changed for visitors.', step: 'pre_switch' },
    },
    { pull: ['done'] },
  );
  return [
    failed(portal, 'The release never became healthy; nothing is deployed.'),
    failed(swap('checkout', 'checkout:v9', 5, 90_000), 'The new release never became healthy; the old one kept serving.'),
    { ...cart, steps: cart.steps.flatMap((step) => (step.name === 'create' ? [hook, step] : [step])) },
    withSteps(
      swap('search', 'search:v3', 3, 20 * MINUTE_MS),
      {
        state: 'rolled_back',
        error: {
          message: 'The new release failed in its watch window: its container was killed for want of memory. r2 serves again.',
          step: 'watch',
        },
        evidence: oomEvidence(),
      },
      {
        create: ['undone'],
        start: ['undone'],
        switch: ['undone', 'marker blue is back'],
        watch: ['failed', 'killed for want of memory after 38 s'],
      },
    ),
    mailer,
    withSteps(
      operation({
        app_name: 'api',
        kind: 'restart',
        release: 'r3',
        from_release: 'r3',
        slot: 'green',
        created_at: ago(40 * MINUTE_MS),
      }),
      {
        state: 'stuck',
        error: {
          message:
            'Docker did not stop the container `nextdeploy-api-blue-0`. Run `docker kill nextdeploy-api-blue-0` on the host; the daemon goes on by itself.',
          step: 'retire',
        },
      },
      { retire: ['failed', 'no answer from Docker within 40 s'] },
    ),
  ];
}

const event = (seq: number, age_ms: number, part: Pick<DaemonEvent, 'kind' | 'level' | 'message' | 'app_name'>): DaemonEvent => ({
  seq,
  ts: ago(age_ms),
  operation: null,
  ...part,
});

/** A server where most things that can go wrong have. */
export function failingHost(): WorldHost {
  const live = { state: 'live' as const, ended_at: null, end_reason: null };
  return {
    host: host('staging', { address: '198.51.100.23' }),
    apps: [
      app('checkout', { version: 'checkout:v8', release: 'r4', previous_release: 'r3', domain: 'checkout.staging.example.com' }),
      app('search', { version: 'search:v2', release: 'r2', previous_release: 'r1', domain: 'search.staging.example.com' }),
      app('cart', { version: 'cart:v11', release: 'r11', previous_release: 'r10', domain: 'cart.staging.example.com' }),
      app('mailer', { version: 'mailer:v6', release: 'r6', previous_release: 'r5', domain: null, url: null, tls: 'off' }),
      app('legacy', {
        status: 'stopped',
        container_id: null,
        version: 'legacy:2019',
        replicas: 0,
        health: { healthy: null, checked_at: null, detail: 'not running' },
      }),
      app('portal', {
        status: 'error',
        version: 'portal:v1',
        container_id: null,
        release: null,
        previous_release: null,
        slot: null,
        replicas: 0,
        health: { healthy: null, checked_at: null, detail: 'not checked' },
        last_error: 'The release never became healthy; nothing is deployed.',
      }),
      app('api', {
        status: 'error',
        replicas: 0,
        health: { healthy: false, checked_at: ago(4_000), detail: 'connection refused' },
        last_error: 'The container exited with code 1 three times within a minute; see its log.',
      }),
    ],
    releases: {
      checkout: [
        release('checkout', 4, 'checkout:v8', live),
        release('checkout', 3, 'checkout:v7', { configuration: { watch_ms: 0 } }),
      ],
      portal: [release('portal', 1, 'portal:v1', { state: 'failed', end_reason: 'its health check never passed' })],
      legacy: [release('legacy', 3, 'legacy:2019', live)],
    },
    operations: endedOperations(),
    images: [image('checkout:v9', 3 * MINUTE_MS, 160_000_000), image('checkout:v8', 8 * DAY_MS, 158_000_000)],
    secrets: [],
    providers: [],
    tokens: [],
    audit: [],
    certificates: [],
    routes: [],
    events: [
      event(88, 7 * HOUR_MS, {
        kind: 'disk.low',
        level: 'warning',
        app_name: null,
        message: 'Docker’s disk has 8 % free; images of older releases go now',
      }),
      event(89, 7 * HOUR_MS - 900, {
        kind: 'release.pruned',
        level: 'info',
        app_name: 'legacy',
        message: 'The image of r2 of legacy is not kept any more: Docker’s disk is low',
      }),
      event(90, 4 * MINUTE_MS, {
        kind: 'heal.unhealthy',
        level: 'warning',
        app_name: 'api',
        message: 'api is not healthy: nextdeploy-api-blue-0: it exited with code 1',
      }),
      event(91, 4 * MINUTE_MS - 1_000, {
        kind: 'heal.restarted',
        level: 'warning',
        app_name: 'api',
        message: 'nextdeploy-api-blue-0 was restarted (3 of 3): it exited with code 1',
      }),
      event(92, 3 * MINUTE_MS, {
        kind: 'heal.replacing',
        level: 'warning',
        app_name: 'api',
        message:
          'api gets new containers of the same release: 3 restarts did not help nextdeploy-api-blue-0: it exited with code 1',
      }),
      event(93, 2 * MINUTE_MS, {
        kind: 'heal.stopping',
        level: 'error',
        app_name: 'api',
        message:
          'api is stopped, because it crashed again and there is no earlier release to go back to: it exited with code 1. See `nextdeploy logs api`, then deploy a release that works, or start it again when what it needs is back.',
      }),
    ],
  };
}

import type { Slot } from '../../daemon/contract/names.ts';
import {
  ago,
  app,
  bareHost,
  DAY_MS,
  HOUR_MS,
  host,
  image,
  imageId,
  MINUTE_MS,
  newOperationId,
  operation,
  release,
  type WorldHost,
} from './world.ts';

export const scenarioNames = ['full', 'empty', 'questions', 'firehose'] as const;
export type ScenarioName = (typeof scenarioNames)[number];

const failedEvidence = () => ({
  step: 'probe' as const,
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

function busyHost(): WorldHost {
  const shop = 'registry.example.com/shop';
  const slots: Slot[] = ['green', 'blue'];
  return {
    host: host('web-1', { production: true, address: 'web-1.example.com' }),
    apps: [
      app('shop', { version: `${shop}:1.4.2`, release: 'r12', previous_release: 'r11', slot: 'green' }),
      app('blog', { version: 'registry.example.com/blog:2.0.0', updated_at: ago(9 * DAY_MS) }),
      app('queue-worker', { domain: null, url: null, tls: 'off', version: 'queue-worker:77', updated_at: ago(3 * HOUR_MS) }),
    ],
    releases: {
      shop: Array.from({ length: 12 }, (_, index) => 12 - index).map((number) =>
        release(
          'shop',
          number,
          `${shop}:1.${number < 9 ? 3 : 4}.${number < 9 ? number : number - 10 + 0 < 0 ? 0 : number - 10}`,
          {
            ...(number === 12
              ? { state: 'live', ended_at: null, end_reason: null, image: `${shop}:1.4.2`, image_id: imageId(`${shop}:1.4.2`) }
              : {}),
            ...(number === 9 ? { state: 'failed', end_reason: 'its health check never passed' } : {}),
          },
        ),
      ),
    },
    operations: [
      operation({
        app_name: 'shop',
        kind: 'swap',
        image: `${shop}:1.4.2`,
        release: 'r12',
        from_release: 'r11',
        slot: slots[0] ?? null,
        created_at: ago(26 * MINUTE_MS),
      }),
      operation({
        app_name: 'blog',
        kind: 'restart',
        release: 'r3',
        from_release: 'r3',
        slot: 'blue',
        created_at: ago(3 * HOUR_MS),
        actor: 'ci',
      }),
      operation({
        app_name: 'shop',
        kind: 'swap',
        image: `${shop}:1.4.1`,
        release: 'r11',
        from_release: 'r10',
        slot: 'blue',
        created_at: ago(30 * HOUR_MS),
      }),
    ],
    images: [
      image(`${shop}:1.4.3`, 4 * MINUTE_MS, 172_000_000),
      image(`${shop}:1.4.2`, 40 * MINUTE_MS, 171_400_000),
      image(`${shop}:1.4.1`, 30 * HOUR_MS, 171_300_000),
      image('registry.example.com/blog:2.0.0', 9 * DAY_MS, 148_000_000),
      image('queue-worker:77', 3 * DAY_MS, 131_900_000),
    ],
  };
}

function failingHost(): WorldHost {
  const failed = operation({
    app_name: 'checkout',
    kind: 'swap',
    image: 'checkout:v9',
    release: 'r5',
    from_release: 'r4',
    slot: 'green',
    state: 'failed',
    created_at: ago(90_000),
  });
  const failedSteps = failed.steps.map((step) => {
    if (step.name === 'probe') return { ...step, state: 'failed' as const, detail: '0 of 3 probes passed: 500, 500, refused' };
    if (step.name === 'create' || step.name === 'start') return { ...step, state: 'undone' as const };
    const isAfter = ['switch', 'verify', 'drain', 'retire'].includes(step.name);
    return isAfter ? { ...step, state: 'skipped' as const, started_at: null, ended_at: null, detail: null } : step;
  });
  return {
    host: host('staging', { address: '198.51.100.23' }),
    apps: [
      app('checkout', { version: 'checkout:v8', release: 'r4', previous_release: 'r3', domain: 'checkout.staging.example.com' }),
      app('legacy', {
        status: 'stopped',
        container_id: null,
        version: 'legacy:2019',
        health: { healthy: null, checked_at: null, detail: 'not running' },
      }),
      app('portal', {
        status: 'error',
        version: 'portal:v1',
        container_id: null,
        release: null,
        previous_release: null,
        slot: null,
        health: { healthy: null, checked_at: null, detail: 'not checked' },
        last_error: 'The release never became healthy; nothing is deployed.',
      }),
      app('api', {
        status: 'error',
        health: { healthy: false, checked_at: ago(4_000), detail: 'connection refused' },
        last_error: 'The container exited with code 1 three times within a minute; see its log.',
      }),
    ],
    releases: {
      checkout: [release('checkout', 4, 'checkout:v8', { state: 'live', ended_at: null, end_reason: null })],
      portal: [release('portal', 1, 'portal:v1', { state: 'failed', end_reason: 'its health check never passed' })],
      legacy: [release('legacy', 3, 'legacy:2019', { state: 'live', ended_at: null, end_reason: null })],
    },
    operations: [
      {
        ...failed,
        id: newOperationId(),
        app_name: 'portal',
        kind: 'deploy',
        image: 'portal:v1',
        release: 'r1',
        from_release: null,
        steps: failedSteps,
        error: { message: 'The release never became healthy; nothing is deployed.', step: 'probe' },
        evidence: failedEvidence(),
      },
      {
        ...failed,
        steps: failedSteps,
        error: { message: 'The new release never became healthy; the old one kept serving.', step: 'probe' },
        evidence: failedEvidence(),
      },
    ],
    images: [image('checkout:v9', 3 * MINUTE_MS, 160_000_000), image('checkout:v8', 8 * DAY_MS, 158_000_000)],
  };
}

const offered = { key_type: 'ssh-ed25519', sha256: 'SHA256:q6T0c5Vb0N2aX1pZrQe9o3mYcWkH7dJfL4sUiTgRxEw' };

function questionHosts(): WorldHost[] {
  return [
    bareHost('new-server', { connection: { kind: 'key_unknown', offered }, daemon: { kind: 'unknown' } }),
    bareHost('rebuilt', {
      daemon: { kind: 'unknown' },
      connection: {
        kind: 'key_changed',
        offered,
        known: [{ key_type: 'ssh-ed25519', sha256: 'SHA256:Zt1n3Wc8vKx5eYb7hQm2pLr9sDf4gJa6uTo0iNcRwEk' }],
        remedy: 'If you set the server up anew, remove its old key with `ssh-keygen -R 203.0.113.7`, then check again.',
      },
    }),
    bareHost('locked', {
      daemon: { kind: 'unknown' },
      connection: { kind: 'credentials_needed', what: 'passphrase', message: 'The key ~/.ssh/id_ed25519 is encrypted.' },
    }),
    bareHost('bare', { daemon: { kind: 'absent', message: 'This server has no NextDeploy daemon yet.' } }),
    bareHost('flaky', {
      connection: { kind: 'reconnecting', attempt: 3, next_at: ago(-12_000), message: 'The server stopped answering.' },
    }),
    bareHost('gone', {
      daemon: { kind: 'unknown' },
      connection: {
        kind: 'failed',
        message: 'Nothing answers on 203.0.113.9:22. Check that the server is up and that its firewall lets SSH through.',
      },
    }),
    bareHost('asleep', { connection: { kind: 'disconnected' }, daemon: { kind: 'unknown' } }),
    bareHost('quiet'),
  ];
}

/** A fresh world by the name of its scenario. */
export function createWorld(name: ScenarioName): WorldHost[] {
  switch (name) {
    case 'empty':
      return [];
    case 'questions':
      return questionHosts();
    case 'full':
    case 'firehose':
      return [
        busyHost(),
        failingHost(),
        bareHost('edge-fra', { connection: { kind: 'disconnected' }, daemon: { kind: 'unknown' } }),
      ];
  }
}

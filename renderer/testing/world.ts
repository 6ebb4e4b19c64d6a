import {
  type AppStatus,
  appStatusSchema,
  type Image,
  imageSchema,
  type Operation,
  type OperationKind,
  operationSchema,
  type Release,
  releaseSchema,
  type Slot,
  type StepName,
} from '../../daemon/contract/domain.ts';
import { type Host, hostSchema } from '../../preload/contract.ts';

export const scenarioNames = ['full', 'empty', 'questions', 'firehose'] as const;
export type ScenarioName = (typeof scenarioNames)[number];

/** A host of the scripted core, and all that its daemon would say. */
export interface WorldHost {
  host: Host;
  apps: AppStatus[];
  releases: Record<string, Release[]>;
  operations: Operation[];
  images: Image[];
}

export const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
export const ago = (elapsed_ms: number): string => new Date(Date.now() - elapsed_ms).toISOString();

export const STEPS: Record<OperationKind, StepName[]> = {
  deploy: ['validate', 'pull', 'create', 'start', 'route', 'probe', 'switch', 'verify', 'drain', 'retire'],
  swap: ['validate', 'pull', 'create', 'start', 'probe', 'switch', 'verify', 'drain', 'retire'],
  rollback: ['validate', 'create', 'start', 'probe', 'switch', 'verify', 'drain', 'retire'],
  restart: ['validate', 'create', 'start', 'probe', 'switch', 'verify', 'drain', 'retire'],
  start: ['validate', 'create', 'start', 'probe', 'switch', 'verify'],
  stop: ['validate', 'stop'],
  remove: ['validate', 'stop', 'route', 'remove'],
};

export const STEP_DETAIL: Partial<Record<StepName, string>> = {
  validate: 'image is here, domain is free, 46 GB free',
  pull: 'image is already on the host',
  create: 'container shop-green at 10.213.0.7',
  start: 'started after 0.31 s',
  route: 'Caddy serves shop.example.com',
  probe: '3 of 3 probes passed, GET /api/health 200',
  switch: 'marker green is in place',
  verify: 'Caddy answers from green: 200 in 4 ms',
  drain: 'no open connection left',
  retire: 'blue stopped, image kept',
  stop: 'stopped after 0.2 s',
  remove: 'releases, route and network address freed',
};

let counter = 0;
export const newOperationId = (): string => `op-${(Date.now() * 1000 + counter++).toString(36).padStart(12, '0')}`;

export function operation(part: Partial<Operation> & Pick<Operation, 'app_name' | 'kind'>): Operation {
  const created = Date.parse(part.created_at ?? ago(5 * MINUTE_MS));
  let clock = created;
  const steps = STEPS[part.kind].map((name) => {
    const started_at = new Date(clock).toISOString();
    clock += name === 'probe' ? 1_180 : name === 'drain' ? 2_400 : name === 'start' ? 310 : 24;
    return {
      name,
      state: 'done' as const,
      started_at,
      ended_at: new Date(clock).toISOString(),
      detail: STEP_DETAIL[name] ?? null,
    };
  });
  return operationSchema.parse({
    id: newOperationId(),
    state: 'succeeded',
    actor: 'admin',
    release: null,
    from_release: null,
    image: null,
    slot: null,
    created_at: new Date(created).toISOString(),
    ended_at: new Date(clock).toISOString(),
    steps,
    error: null,
    evidence: null,
    ...part,
  });
}

export function release(app: string, number: number, image: string, part: Partial<Release> = {}): Release {
  return releaseSchema.parse({
    id: `r${number}`,
    app_name: app,
    state: 'standby',
    image,
    image_id: imageId(image),
    configuration: {
      env: {
        DATABASE_URL: 'postgres://shop:hunter2@10.0.0.4/shop',
        LOG_LEVEL: 'info',
        NEXT_SERVER_ACTIONS_ENCRYPTION_KEY: 'vN4…',
        NODE_ENV: 'production',
      },
      ports: [3000],
      domain: `${app}.example.com`,
      health: { kind: 'http', path: '/api/health' },
    },
    created_at: ago((40 - number) * HOUR_MS),
    created_by: number % 3 === 0 ? 'ci' : 'admin',
    operation_id: newOperationId(),
    ended_at: ago((39 - number) * HOUR_MS),
    end_reason: 'replaced by a swap',
    ...part,
  });
}

export function app(name: string, part: Partial<AppStatus> = {}): AppStatus {
  return appStatusSchema.parse({
    name,
    status: 'running',
    container_id: 'f3a9c1d2e4b5',
    port: 3000,
    domain: `${name}.example.com`,
    url: `https://${name}.example.com`,
    version: `registry.example.com/${name}:1.4.2`,
    updated_at: ago(26 * MINUTE_MS),
    slot: 'blue',
    release: 'r3',
    previous_release: 'r2',
    replicas: 1,
    proxy: 'caddy',
    tls: 'auto',
    health: { healthy: true, checked_at: ago(2_000), detail: 'GET /api/health 200 in 3 ms' },
    operation_id: null,
    last_error: null,
    ...part,
  });
}

export function imageId(reference: string): string {
  let hash = 2_166_136_261;
  for (const character of reference) hash = Math.imul(hash ^ character.charCodeAt(0), 16_777_619) >>> 0;
  return `sha256:${hash.toString(16).padStart(8, '0').repeat(8)}`;
}

function image(reference: string, age_ms: number, size_bytes: number): Image {
  return imageSchema.parse({ id: imageId(reference), references: [reference], size_bytes, created_at: ago(age_ms) });
}

const READY = {
  kind: 'ready' as const,
  version: { version: '0.1.0', api: { min: 1, max: 1 }, hostname: 'web-1', docker: '28.5.1', proxy: 'Caddy 2.11.0' },
};

export function host(id: string, part: Partial<Host> = {}): Host {
  return hostSchema.parse({
    id,
    name: id,
    address: '203.0.113.7',
    port: 22,
    user: 'root',
    auth: { kind: 'agent' },
    production: false,
    connection: { kind: 'connected', since: ago(HOUR_MS), latency_ms: 8.4 },
    daemon: READY,
    ...part,
  });
}

/** A host as it comes from the provider: nothing but SSH. */
export function bareHost(id: string, part: Partial<Host> = {}): WorldHost {
  return { host: host(id, part), apps: [], releases: {}, operations: [], images: [] };
}

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
      app('api', {
        status: 'error',
        health: { healthy: false, checked_at: ago(4_000), detail: 'connection refused' },
        last_error: 'The container exited with code 1 three times within a minute; see its log.',
      }),
    ],
    releases: { checkout: [release('checkout', 4, 'checkout:v8', { state: 'live', ended_at: null, end_reason: null })] },
    operations: [
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

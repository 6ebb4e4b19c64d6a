import type { OperationKind, StepName } from '../../daemon/contract/domain.ts';

/** The steps of each kind of operation, as the engine plans them for an app with a domain and a release before. */
export const STEPS: Record<OperationKind, StepName[]> = {
  deploy: ['validate', 'pull', 'create', 'start', 'route', 'probe', 'switch', 'verify', 'watch', 'drain', 'retire'],
  swap: ['validate', 'pull', 'create', 'start', 'probe', 'switch', 'verify', 'watch', 'drain', 'retire'],
  rollback: ['validate', 'create', 'start', 'probe', 'switch', 'verify', 'watch', 'drain', 'retire'],
  restart: ['validate', 'create', 'start', 'probe', 'switch', 'verify', 'drain', 'retire'],
  start: ['validate', 'create', 'start', 'probe', 'switch', 'verify'],
  stop: ['switch', 'drain', 'stop'],
  scale: ['validate', 'pull', 'create', 'start', 'probe', 'route', 'scale'],
  maintenance: ['maintain'],
  configure: ['validate', 'route'],
  remove: ['switch', 'drain', 'stop', 'route', 'remove'],
};

export const STEP_DETAIL: Partial<Record<StepName, string>> = {
  validate: 'image is here, domain is free, 46 GB free',
  pull: 'image is already on the host',
  pre_switch: 'exit code 0',
  create: 'container shop-green at 10.213.0.7',
  start: 'started after 0.31 s',
  route: 'Caddy serves shop.example.com',
  probe: '3 of 3 probes passed, GET /api/health 200',
  switch: 'marker green is in place',
  verify: 'Caddy answers from green: 200 in 4 ms',
  post_switch: 'exit code 0',
  watch: 'healthy through the whole window',
  drain: 'no open connection left',
  retire: 'blue stopped, image kept',
  scale: 'balanced over all replicas',
  maintain: 'Caddy answers with the page',
  stop: 'stopped after 0.2 s',
  remove: 'releases, route and network address freed',
};

/** What the migration of the script prints, a line a tick. */
export const HOOK_OUTPUT = [
  '> shop@1.5.0 migrate',
  '> node scripts/migrate.js',
  '',
  'connected to postgres://10.0.0.4/shop',
  '2025-11-14_orders_index        already there',
  '2025-11-20_customer_notes      applied in 84 ms',
  '2025-11-22_order_channel       applied in 1,212 ms',
  '2 migrations applied',
];

const MB = 1_000_000;
/** Sizes of the layers of an image that has to be pulled; null: already on the host. */
export const LAYER_SIZES: readonly (number | null)[] = [
  28.2 * MB,
  null,
  3.4 * MB,
  48.7 * MB,
  1.3 * MB,
  446,
  36.1 * MB,
  12.9 * MB,
  7.7 * MB,
];

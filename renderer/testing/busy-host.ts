import type { DaemonEvent, Release } from '../../daemon/contract/domain.ts';
import { busyAudit, busyTokens } from './busy-access.ts';
import { busyProviders, busySecrets, docsPins, shopPins } from './busy-secrets.ts';
import { busyCertificates } from './scripted-certificates.ts';
import { busyRoutes } from './scripted-routes.ts';
import {
  ago,
  app,
  DAY_MS,
  HOUR_MS,
  host,
  image,
  imageId,
  MINUTE_MS,
  nextcore,
  operation,
  release,
  type WorldHost,
} from './world.ts';

const SHOP = 'registry.example.com/shop';
const COMMITS = ['4c1e0a77d3b2', '9f3b2c1d5e6a', 'a81d4f0c2b37', '0d7be6519c44', 'e2c98f1a7d05'];

/** Two releases of the next minor version, the last twelve of the one before; the oldest have lost their images. */
function shopReleases(): Release[] {
  return Array.from({ length: 12 }, (_, index) => 12 - index).map((number) => {
    const reference = number < 9 ? `${SHOP}:1.3.${number}` : `${SHOP}:1.4.${Math.max(0, number - 10)}`;
    const isDirty = number === 8;
    return release('shop', number, reference, {
      image_id: imageId(reference),
      secrets: shopPins(number),
      configuration: {
        project: 'storefront',
        env: shopEnv(number),
        aliases: number > 5 ? ['www.shop.example.com'] : [],
        redirects: number > 8 ? [{ from: 'store.example.com', status: 308 }] : [],
        replicas: number > 7 ? 2 : 1,
        volumes: [
          { kind: 'volume', name: 'shop-uploads', target: '/app/uploads', read_only: false },
          ...(number > 9 ? [{ kind: 'bind' as const, source: '/srv/geoip', target: '/app/geoip', read_only: true }] : []),
        ],
        limits: number > 6 ? { cpus: 1.5, memory_bytes: 512 * 1024 ** 2 } : {},
        drain_ms: number > 10 ? 20_000 : 30_000,
        ...(number > 10 ? { pre_switch: { command: ['node', 'scripts/migrate.js'], timeout_ms: 600_000 } } : {}),
      },
      nextcore: nextcore(`${COMMITS[number % 5]}${number}e1f2a3b4c5d6e7f8a9b0c1d2e3f4`.slice(0, 40), {
        next_version: number > 8 ? '16.0.1' : '15.5.4',
        git: {
          commit: `${COMMITS[number % 5]}${number}e1f2a3b4c5d6e7f8a9b0c1d2e3f4`.slice(0, 40),
          branch: number % 4 === 0 ? 'feature/checkout-in-one-page' : 'main',
          is_dirty: isDirty,
        },
      }),
      ...(number === 12 ? { state: 'live', ended_at: null, end_reason: null } : {}),
      ...(number === 9 ? { state: 'failed', end_reason: 'its health check never passed' } : {}),
      ...(number < 6 ? { state: 'pruned' } : {}),
    });
  });
}

function shopEnv(number: number): Record<string, string> {
  return {
    DATABASE_URL: `postgres://shop:hunter2@10.0.0.${number > 10 ? 4 : 3}/shop`,
    LOG_LEVEL: number === 11 ? 'debug' : 'info',
    NEXT_SERVER_ACTIONS_ENCRYPTION_KEY: 'vN4m0wq8pZcT1yKx7rLb2uHs9eFj3aGd',
    NODE_ENV: 'production',
    ...(number > 11 ? { PAYMENTS_URL: 'https://payments.example.net' } : { STRIPE_KEY: 'sk_live_51Hx' }),
  };
}

const event = (seq: number, ts: string, part: Partial<DaemonEvent> & Pick<DaemonEvent, 'kind' | 'message'>): DaemonEvent => ({
  seq,
  ts,
  level: 'info',
  app_name: 'shop',
  operation: null,
  ...part,
});

/** A production server with everything in order. */
export function busyHost(): WorldHost {
  const releases = shopReleases();
  const live = releases[0];
  const serving = { state: 'live' as const, ended_at: null, end_reason: null };
  const docs = release('docs', 4, 'registry.example.com/docs:0.9.2', { ...serving, secrets: docsPins() });
  return {
    host: host('web-1', { production: true, address: 'web-1.example.com' }),
    apps: [
      app('shop', {
        version: `${SHOP}:1.4.2`,
        release: 'r12',
        previous_release: 'r11',
        slot: 'green',
        replicas: 2,
        replicas_wanted: 2,
        aliases: ['www.shop.example.com'],
        nextcore: live?.nextcore ?? null,
      }),
      app('blog', { version: 'registry.example.com/blog:2.0.0', updated_at: ago(9 * DAY_MS) }),
      app('docs', {
        version: docs.image,
        release: 'r4',
        previous_release: null,
        updated_at: ago(2 * HOUR_MS),
        maintenance: { message: 'We are moving the manual to its new home. Back at 14:00.' },
      }),
      app('queue-worker', {
        domain: null,
        url: null,
        tls: 'off',
        version: 'queue-worker:77',
        updated_at: ago(3 * HOUR_MS),
        replicas: 3,
        replicas_wanted: 4,
      }),
    ],
    releases: { shop: releases, docs: [docs] },
    operations: [
      operation({
        app_name: 'shop',
        kind: 'swap',
        image: `${SHOP}:1.4.2`,
        release: 'r12',
        from_release: 'r11',
        slot: 'green',
        created_at: ago(26 * MINUTE_MS),
      }),
      operation({ app_name: 'docs', kind: 'maintenance', created_at: ago(2 * HOUR_MS) }),
      operation({
        app_name: 'blog',
        kind: 'restart',
        release: 'r3',
        from_release: 'r3',
        slot: 'blue',
        created_at: ago(3 * HOUR_MS),
        actor: 'ci',
      }),
      operation({ app_name: 'shop', kind: 'scale', release: 'r11', from_release: 'r11', created_at: ago(20 * HOUR_MS) }),
      operation({
        app_name: 'shop',
        kind: 'swap',
        image: `${SHOP}:1.4.1`,
        release: 'r11',
        from_release: 'r10',
        slot: 'blue',
        created_at: ago(30 * HOUR_MS),
      }),
    ],
    images: [
      image(`${SHOP}:1.4.3`, 4 * MINUTE_MS, 172_000_000),
      image(`${SHOP}:1.4.2`, 40 * MINUTE_MS, 171_400_000),
      image(`${SHOP}:1.4.1`, 30 * HOUR_MS, 171_300_000),
      image('registry.example.com/blog:2.0.0', 9 * DAY_MS, 148_000_000),
      image('queue-worker:77', 3 * DAY_MS, 131_900_000),
    ],
    secrets: busySecrets(),
    providers: busyProviders(),
    tokens: busyTokens(),
    audit: busyAudit(),
    certificates: busyCertificates(),
    routes: busyRoutes(),
    events: [
      event(71, ago(9 * HOUR_MS), {
        kind: 'heal.unhealthy',
        level: 'warning',
        message: 'shop is not healthy: nextdeploy-shop-green-1: GET /api/health: it answered 503',
      }),
      event(72, ago(9 * HOUR_MS - 2_000), {
        kind: 'heal.restarted',
        level: 'warning',
        message: 'nextdeploy-shop-green-1 was restarted (1 of 3): GET /api/health: it answered 503',
      }),
      event(73, ago(9 * HOUR_MS - 9_000), { kind: 'heal.recovered', message: 'shop is healthy again after 9 s' }),
      event(79, ago(40 * MINUTE_MS), {
        kind: 'secrets.changed',
        app_name: null,
        message: 'Secrets global changed by anna: FEATURE_TOKEN',
      }),
      event(80, ago(26 * MINUTE_MS), {
        kind: 'release.pruned',
        message: 'The image of r5 of shop is not kept any more: 5 newer releases are',
      }),
    ],
  };
}

/** What a deploy of an app that is there starts from, and how it departs from it. */
import type { DaemonClient } from '../api/client.ts';
import { type AppConfiguration, appConfigurationSchema, type HealthCheck } from '../contract/configuration.ts';
import type { Release } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { DEFAULTS } from '../contract/limits.ts';
import { appNameSchema } from '../contract/names.ts';
import type { RouteBodyInput } from '../contract/routes.ts';
import { span } from './format.ts';

/** The live release of an app; null for an app that is not there, or never went live. */
export async function findLiveRelease(client: DaemonClient, app: string): Promise<Release | null> {
  // A name that cannot be is left to the request itself, whose refusal names the field.
  if (!appNameSchema.safeParse(app).success) return null;
  try {
    const { release } = await client.call('getAppStatus', { params: { name: app } });
    return release === null ? null : await client.call('getRelease', { params: { name: app, id: release } });
  } catch (error) {
    if (error instanceof DomainError && error.code === 'not_found') return null;
    throw error;
  }
}

/**
 * One line: what of the live release is kept (defaults go unsaid) and what changes. No variable's value is in it.
 * Null for a request that the daemon will refuse, and say why. Pure.
 */
export function describeChange(live: Release, { app_name, image, ...asked }: RouteBodyInput<'deploy'>): string | null {
  const parsed = appConfigurationSchema.safeParse(asked);
  if (!parsed.success) return null;
  const before = live.configuration;
  const after = parsed.data;
  const plain = appConfigurationSchema.parse({});
  const kept: string[] = [];
  const changed = image === live.image ? [] : [`image ${live.image} to ${image}`];
  for (const [field, words] of Object.entries(WORDS)) {
    const [was, is, usual] = [words(before), words(after), words(plain)];
    if (was !== is) changed.push(`${field} ${was} to ${is}`);
    else if (is !== usual) kept.push(`${field} ${is}`);
  }
  const env = compareEnv(before.env, after.env);
  if (env.kept.length > 0) kept.push(`env ${env.kept.join(' ')}`);
  if (env.changed.length > 0) changed.push(`env ${env.changed.join(' ')}`);
  const list = (items: string[], none: string) => (items.length === 0 ? none : items.join(', '));
  return `${app_name} starts from ${live.id}: keeps ${list(kept, 'its defaults')}; changes ${list(changed, 'nothing')}.`;
}

/** Each field as it is shown, the variables aside. */
const WORDS: Record<string, (configuration: AppConfiguration) => string> = {
  domain: ({ domain }) => domain ?? 'none',
  ports: ({ ports }) => ports.join(' '),
  tls: ({ tls }) => tls ?? 'by domain',
  health: ({ health }) => healthWords(health),
  drain: ({ drain_ms }) => span(drain_ms),
  'stop-timeout': ({ stop_timeout_ms }) => span(stop_timeout_ms),
};

function healthWords(health: HealthCheck): string {
  if (health.kind === 'none') return 'none';
  const { kind, interval_ms, timeout_ms, deadline_ms } = health;
  const words = [
    health.kind === 'http' ? `${kind} ${health.path}` : kind,
    ...(interval_ms === DEFAULTS.health_interval_ms ? [] : [`interval ${span(interval_ms)}`]),
    ...(timeout_ms === DEFAULTS.health_timeout_ms ? [] : [`timeout ${span(timeout_ms)}`]),
    ...(deadline_ms === DEFAULTS.health_deadline_ms ? [] : [`deadline ${span(deadline_ms)}`]),
  ];
  return words.join(' ');
}

function compareEnv(before: Record<string, string>, after: Record<string, string>): { kept: string[]; changed: string[] } {
  const kept = Object.keys(before).filter((name) => after[name] === before[name]);
  const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
  const dropped = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  return {
    kept,
    changed: [...changed.map((name) => (Object.hasOwn(before, name) ? name : `+${name}`)), ...dropped.map((name) => `-${name}`)],
  };
}

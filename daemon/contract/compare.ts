/** What is different between two releases, for people. Pure. */
import { type AppConfiguration, appConfigurationSchema } from './configuration.ts';
import type { Release } from './domain.ts';
import type { SecretPin } from './secrets.ts';

export interface Difference {
  /** `image`, a field of the configuration, `env.NAME`, or `secret.NAME`, of which the version is compared. */
  field: string;
  /** As JSON or plain text; null: not there. */
  from: string | null;
  to: string | null;
}

/** In the order of the fields; empty when both run the same. Without `before`, nothing. */
export function compareReleases(before: Release | null, after: Release): Difference[] {
  if (before === null) return [];
  const hasSameName = before.image === after.image;
  const image = hasSameName
    ? difference('image_id', before.image_id, after.image_id)
    : difference('image', before.image, after.image);
  const configurations = compareConfigurations(before.configuration, after.configuration);
  return [...image, ...configurations, ...compareSecrets(before.secrets, after.secrets)];
}

function compareSecrets(before: readonly SecretPin[], after: readonly SecretPin[]): Difference[] {
  const names = [...new Set([...before, ...after].map(({ name }) => name))].toSorted();
  const find = (pins: readonly SecretPin[], name: string) => {
    const pin = pins.find((one) => one.name === name);
    return pin === undefined ? null : `version ${pin.version} of ${pin.app_name ?? pin.project ?? pin.scope}`;
  };
  return names.flatMap((name) => difference(`secret.${name}`, find(before, name), find(after, name)));
}

export function compareConfigurations(before: AppConfiguration, after: AppConfiguration): Difference[] {
  return appConfigurationSchema
    .keyof()
    .options.flatMap((field) =>
      field === 'env' ? compareEnv(before.env, after.env) : difference(field, show(before[field]), show(after[field])),
    );
}

function compareEnv(before: Record<string, string>, after: Record<string, string>): Difference[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  // A variable may have the name of what every object inherits, such as `constructor`.
  const find = (env: Record<string, string>, name: string) => (Object.hasOwn(env, name) ? (env[name] ?? null) : null);
  return names.flatMap((name) => difference(`env.${name}`, find(before, name), find(after, name)));
}

function difference(field: string, from: string | null, to: string | null): Difference[] {
  return from === to ? [] : [{ field, from, to }];
}

function show(value: unknown): string | null {
  if (value === undefined) return null;
  return typeof value === 'string' ? value : JSON.stringify(sorted(value));
}

/** Keys in one order, so that the same means the same. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([key, item]) => [key, sorted(item)]),
  );
}

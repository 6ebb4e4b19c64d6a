/** What a restore would change: everything of two states by name, told apart by what makes it the same. Pure but for the hash. */
import { createHash } from 'node:crypto';
import type { RestoreChange } from '../contract/backup.ts';
import { DomainError } from '../contract/errors.ts';
import type { Secret } from '../contract/secrets.ts';
import type { Vault } from '../secrets/vault.ts';
import type { StateDatabase } from './ports.ts';
import { settingsOf } from './settings.ts';

export interface Thing {
  kind: RestoreChange['kind'];
  name: string;
  /** Alike in both states: it is the same. It may hold what must not be shown. */
  mark: string;
  detail: string;
}

interface State {
  database: Pick<StateDatabase, 'listApps' | 'listAllReleases' | 'listPortRoutes' | 'access'>;
  vault: Pick<Vault, 'list' | 'open'>;
  /** By path, with the hash of their content. */
  certificates: ReadonlyMap<string, string>;
  configuration: string | null;
}

export function thingsOf({ database, vault, certificates, configuration }: State): Thing[] {
  const apps = database.listApps();
  return [
    ...apps.map(({ name, release, wanted, replicas, maintenance, route, routing }): Thing => {
      const mark = JSON.stringify([release, wanted, replicas, maintenance, route?.sites, routing]);
      return { kind: 'app', name, mark, detail: release === null ? 'nothing deployed' : `${release}, ${wanted}` };
    }),
    ...database.listAllReleases().map(({ app_name, id, image, image_id, configuration: of, secrets, created_at }): Thing => {
      return {
        kind: 'release',
        name: `${app_name} ${id}`,
        mark: JSON.stringify([image_id, of, secrets, created_at]),
        detail: image,
      };
    }),
    ...vault.list({}).map((secret): Thing => {
      const { name, version } = secret;
      return {
        kind: 'secret',
        name: `${whose(secret)} ${name}`,
        mark: `${version} ${valueMark(secret, vault)}`,
        detail: `version ${version}`,
      };
    }),
    ...[...certificates].map(([path, sha256]): Thing => ({ kind: 'certificate', name: path, mark: sha256, detail: '' })),
    ...apps.flatMap(({ name, route }) =>
      (route?.sites ?? []).map(({ domain, tls }): Thing => {
        return { kind: 'route', name: domain, mark: `${name} ${route?.proxy} ${tls}`, detail: `to ${name} by ${route?.proxy}` };
      }),
    ),
    ...database.listPortRoutes().flatMap(({ domain, wanted }): Thing[] => {
      if (wanted === null) return [];
      const { port, proxy } = wanted;
      return [{ kind: 'route', name: domain, mark: JSON.stringify(wanted), detail: `to port ${port} by ${proxy}` }];
    }),
    ...database.access.listTokens().map(({ id, name, role, apps: limit, hash, expires_at, revoked_at }): Thing => {
      const mark = JSON.stringify([role, limit, hash, expires_at, revoked_at]);
      return { kind: 'token', name: `${name} (${id})`, mark, detail: revoked_at === null ? role : `${role}, revoked` };
    }),
    ...[...settingsOf(configuration)].map(([name, value]): Thing => ({ kind: 'setting', name, mark: value, detail: value })),
  ];
}

/** Settings are not applied, so that one only here does not go: it is told by none. */
export function compareThings(here: readonly Thing[], there: readonly Thing[]): { changes: RestoreChange[]; unchanged: number } {
  const keyOf = ({ kind, name }: Thing) => `${kind} ${name}`;
  const own = new Map(here.map((thing) => [keyOf(thing), thing]));
  const changes: RestoreChange[] = [];
  let unchanged = 0;
  for (const thing of there) {
    const before = own.get(keyOf(thing));
    own.delete(keyOf(thing));
    if (before?.mark === thing.mark) unchanged += 1;
    else changes.push(toChange(thing, before));
  }
  for (const { kind, name, detail } of own.values()) {
    if (kind !== 'setting')
      changes.push({ kind, name, change: 'gone', detail: kind === 'app' ? `${detail}; its containers are removed` : detail });
  }
  return { changes, unchanged };
}

function toChange({ kind, name, detail }: Thing, before: Thing | undefined): RestoreChange {
  const change = before === undefined ? 'added' : 'replaced';
  if (kind === 'setting') {
    const here = before === undefined ? 'not set here' : `${before.detail} here`;
    return {
      kind,
      name,
      change,
      detail: `${detail} in the backup, ${here}; it stays as it is here: change the configuration by hand if need be`,
    };
  }
  const isTold = before !== undefined && before.detail !== detail;
  return { kind, name, change, detail: isTold ? `${before.detail} → ${detail}` : detail };
}

function whose({ scope, project, app_name }: Secret): string {
  return scope === 'global' ? 'global' : `${scope} ${project ?? app_name}`;
}

/** Fingerprints are keyed with a key of each server's own, so they tell nothing across servers. */
function valueMark({ scope, project, app_name, name, version }: Secret, vault: Pick<Vault, 'open'>): string {
  try {
    const value = vault.open([{ scope, project, app_name, name, version }]).get(name);
    return createHash('sha256')
      .update(value?.open() ?? '')
      .digest('hex');
  } catch (error) {
    // Of this server: a restore may be what mends it.
    if (error instanceof DomainError) return 'does not open';
    throw error;
  }
}

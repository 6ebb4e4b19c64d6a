import { LIMITS } from '../../daemon/contract/limits.ts';
import type { RouteBody, RouteQuery } from '../../daemon/contract/routes.ts';
import { can } from '../../daemon/contract/rules.ts';
import {
  ownerOf,
  type Secret,
  type SecretChange,
  type SecretOwner,
  type SecretPin,
  type SecretsChanged,
} from '../../daemon/contract/secrets.ts';
import { givenSecrets, ownerName, secretId } from '../state/secrets.ts';
import { Refusal } from './scripted-bridge.ts';
import { ago, imageId, type WorldHost } from './world.ts';

/** The script refuses more new secrets at once, as the daemon does where it keeps too many. */
const ADDED_MAX = 50;

/** A secret with its history, newest first: value, age, and who set it. As in the daemon, no value can be had from it again. */
export function secret(
  owner: SecretOwner,
  name: string,
  history: readonly [value: string, age_ms: number, by: string][],
  origin: Secret['origin'] = null,
): Secret {
  const versions = history.map(([value, age_ms, created_by], index) => ({
    version: history.length - index,
    fingerprint: fingerprint(owner, name, value),
    created_at: ago(age_ms),
    created_by,
    origin,
  }));
  return withVersions(owner, name, versions);
}

function withVersions(owner: SecretOwner, name: string, versions: Secret['versions']): Secret {
  const newest = versions[0];
  if (newest === undefined) throw new Error('a secret has a version');
  const { scope } = owner;
  return {
    scope,
    project: scope === 'project' ? ownerName(owner) : null,
    app_name: scope === 'app' ? ownerName(owner) : null,
    name,
    version: newest.version,
    fingerprint: newest.fingerprint,
    updated_at: newest.created_at,
    updated_by: newest.created_by,
    origin: newest.origin,
    versions,
  };
}

export const fingerprint = (owner: SecretOwner, name: string, value: string) =>
  imageId(`${owner.scope} ${ownerName(owner)} ${name} ${value}`).slice(7, 23);
const idOf = (owner: SecretOwner, name: string) => secretId(withVersions(owner, name, [NO_VERSION]));
const NO_VERSION = { version: 1, fingerprint: '', created_at: ago(0), created_by: '', origin: null };

/** What a release of an app made now is given. */
export function pinsOf(world: WorldHost, app: string, project: string | null): SecretPin[] {
  const given = givenSecrets(world.secrets, app, project, []).filter(({ hiddenBy }) => hiddenBy === null);
  return given.flatMap(({ secret: one }) => {
    if (one === null) return [];
    const { scope, project: of, app_name, name, version } = one;
    return [{ scope, project: of, app_name, name, version }];
  });
}

export type Roll = (app: string) => string;

/** As the daemon answers `POST /secrets/sync`; `roll` begins an operation and gives its id. */
export function syncSecrets(world: WorldHost, body: RouteBody<'syncSecrets'>, roll: Roll): SecretsChanged {
  const owner = ownerOf(body);
  const find = (name: string) => world.secrets.find((each) => secretId(each) === idOf(owner, name));
  const set = Object.entries(body.secrets).map(([name, value]): SecretChange => {
    const before = find(name);
    const print = fingerprint(owner, name, value);
    const change = before === undefined ? 'added' : before.fingerprint === print ? 'unchanged' : 'changed';
    return { name, change, version: (before?.version ?? 0) + (change === 'unchanged' ? 0 : 1), fingerprint: print };
  });
  const own = world.secrets.filter((each) => secretId(each) === idOf(owner, each.name));
  const gone = own.filter(({ name }) => body.mode === 'replace' && !Object.hasOwn(body.secrets, name));
  const removed = gone.map(({ name }): SecretChange => ({ name, change: 'removed', version: null, fingerprint: null }));
  if (set.filter(({ change }) => change === 'added').length > ADDED_MAX) {
    const message = `This server keeps ${LIMITS.secrets_max} secrets at most; remove some that are not needed.`;
    throw new Refusal({ code: 'unprocessable', message, details: [{ field: 'secrets', message }] });
  }
  return changeSecrets(world, owner, [...set, ...removed], { is_dry: body.dry_run, roll: body.roll ? roll : null });
}

/** As the daemon answers `DELETE /secrets`. */
export function removeSecret(world: WorldHost, query: RouteQuery<'removeSecret'>, roll: Roll): SecretsChanged {
  const owner = ownerOf(query);
  const { name } = query;
  if (!world.secrets.some((each) => secretId(each) === idOf(owner, name))) {
    throw new Refusal({ code: 'not_found', message: `There is no secret ${name}.` });
  }
  const removal: SecretChange = { name, change: 'removed', version: null, fingerprint: null };
  return changeSecrets(world, owner, [removal], { is_dry: false, roll: query.roll === true ? roll : null });
}

export function changeSecrets(
  world: WorldHost,
  owner: SecretOwner,
  changes: SecretChange[],
  { is_dry, roll, origin = null }: { is_dry: boolean; roll: Roll | null; origin?: Secret['origin'] },
): SecretsChanged {
  const pins = () => new Map(world.apps.map(({ name }) => [name, JSON.stringify(pinsOf(world, name, projectOf(world, name)))]));
  const before = pins();
  const kept = world.secrets;
  for (const each of changes) apply(world, owner, each, origin);
  const after = pins();
  const apps = world.apps.map(({ name }) => name).filter((name) => isLive(world, name) && before.get(name) !== after.get(name));
  if (is_dry) world.secrets = kept;
  const answer: SecretsChanged = { dry_run: is_dry, changes, apps, rolled: [], not_rolled: [] };
  for (const app_name of is_dry || roll === null ? [] : answer.apps) {
    try {
      demandRoll(world, app_name);
      answer.rolled.push({ app_name, operation_id: roll?.(app_name) ?? '' });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      answer.not_rolled.push({ app_name, reason: error.message });
    }
  }
  return answer;
}

function apply(world: WorldHost, owner: SecretOwner, change: SecretChange, origin: Secret['origin']): void {
  const { name, change: kind, version, fingerprint: print } = change;
  if (kind === 'unchanged' || kind === 'kept') return;
  const before = world.secrets.find((each) => secretId(each) === idOf(owner, name));
  const others = world.secrets.filter((each) => each !== before);
  if (version === null || print === null) world.secrets = others;
  else {
    const newest = { version, fingerprint: print, created_at: ago(0), created_by: 'admin', origin };
    const secrets = [...others, withVersions(owner, name, [newest, ...(before?.versions ?? [])])];
    world.secrets = inDaemonsOrder(secrets);
  }
}

const SCOPES = ['global', 'project', 'app'];
const inDaemonsOrder = (secrets: Secret[]) =>
  secrets.toSorted((a, b) => SCOPES.indexOf(a.scope) - SCOPES.indexOf(b.scope) || secretId(a).localeCompare(secretId(b)));

const liveOf = (world: WorldHost, name: string) => {
  const release = world.apps.find((app) => app.name === name)?.release;
  return world.releases[name]?.find(({ id }) => id === release);
};
const projectOf = (world: WorldHost, name: string) => liveOf(world, name)?.configuration.project ?? null;
const isLive = (world: WorldHost, name: string) => liveOf(world, name) !== undefined;

function demandRoll(world: WorldHost, name: string): void {
  const app = world.apps.find((each) => each.name === name);
  const verdict = app === undefined ? { allowed: false as const, reason: 'it is gone' } : can.swap(app);
  if (!verdict.allowed) throw new Refusal({ code: 'conflict', message: `Not possible for ${name}: ${verdict.reason}.` });
}

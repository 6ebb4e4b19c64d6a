import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import {
  ownerOf,
  type Secret,
  type SecretChange,
  type SecretOwner,
  type SecretPin,
  type SecretScope,
} from '../../daemon/contract/secrets.ts';

/** What a secret, a version of it and a request have in common. */
type Owned = Pick<SecretPin, 'scope' | 'project' | 'app_name'>;

export const ownerOfSecret = ({ scope, project, app_name }: Owned): SecretOwner =>
  ownerOf({ scope, project: project ?? undefined, app_name: app_name ?? undefined });

/** The project's or the app's name; of what is global there is none. */
export function ownerName(owner: SecretOwner): string | null {
  switch (owner.scope) {
    case 'global':
      return null;
    case 'project':
      return owner.project;
    case 'app':
      return owner.app_name;
  }
}

const SCOPE_WORD: Record<SecretScope, string> = { global: 'Global', project: 'Project', app: 'App' };

/** `Global`, `Project storefront`, `App shop`. */
export function ownerTitle(owner: SecretOwner): string {
  const name = ownerName(owner);
  return name === null ? SCOPE_WORD[owner.scope] : `${SCOPE_WORD[owner.scope]} ${name}`;
}

/** Within a sentence: `the global secrets`, `the secrets of the project storefront`, `the secrets of shop`. */
export function ownerPhrase(owner: SecretOwner): string {
  if (owner.scope === 'global') return 'the global secrets';
  return `the secrets of ${owner.scope === 'project' ? `the project ${owner.project}` : owner.app_name}`;
}

const idOf = (owner: SecretOwner, name: string) =>
  [owner.scope, ownerName(owner), name].filter((part) => part !== null).join(' ');
/** Tells the secrets of a host apart. */
export const secretId = (secret: Owned & { name: string }): string => idOf(ownerOfSecret(secret), secret.name);

/** Secrets of one scope and owner. */
export interface SecretGroup {
  title: string;
  owner: SecretOwner;
  secrets: Secret[];
}

/** Together what belongs to one owner, in the order that the daemon lists them. */
export function groupSecrets(secrets: readonly Secret[]): SecretGroup[] {
  const groups = new Map<string, SecretGroup>();
  for (const secret of secrets) {
    const owner = ownerOfSecret(secret);
    const title = ownerTitle(owner);
    const group = groups.get(title) ?? { title, owner, secrets: [] };
    group.secrets.push(secret);
    groups.set(title, group);
  }
  return [...groups.values()];
}

/** Every project that a secret or a release of the host names. */
export function projectsOf(secrets: readonly Secret[], releases: readonly Release[]): string[] {
  const named = [...secrets.map(({ project }) => project), ...releases.map(({ configuration }) => configuration.project)];
  return [...new Set(named.filter((name) => name != null))].toSorted((a, b) => a.localeCompare(b));
}

// What an app is given ----------------------------------------------------------------------------------------------

/**
 * How a secret stands to what is live: `live`, as it is; `next`, from the next release on; `leaving`, until then, for it was
 * removed or is hidden now; `hidden`, by a narrower scope.
 */
export type GivenState = 'live' | 'next' | 'leaving' | 'hidden';

export interface GivenSecret {
  id: string;
  name: string;
  owner: SecretOwner;
  /** Null: it was removed, and only the live release has it still. */
  secret: Secret | null;
  state: GivenState;
  /** The narrower one of the same name that is given in its place. */
  hiddenBy: SecretOwner | null;
  /** The version that the live release runs with. */
  liveVersion: number | null;
}

const WIDTH: Record<SecretScope, number> = { global: 0, project: 1, app: 2 };
const isNarrower = (one: Owned, other: Owned) => WIDTH[one.scope] > WIDTH[other.scope];

const reaches = (owner: SecretOwner, app: string, project: string | null) =>
  owner.scope === 'global' || (owner.scope === 'project' ? owner.project === project : owner.app_name === app);

/**
 * What an app's next release is given, and what its live one runs with (`pins`), a line each: by name, the narrower scope
 * first, for it wins.
 */
export function givenSecrets(
  secrets: readonly Secret[],
  app: string,
  project: string | null,
  pins: readonly SecretPin[],
): GivenSecret[] {
  const reaching = secrets
    .filter((secret) => reaches(ownerOfSecret(secret), app, project))
    .toSorted((a, b) => WIDTH[b.scope] - WIDTH[a.scope]);
  const known = new Set(reaching.map(secretId));
  const there = reaching.map((secret): GivenSecret => {
    const winner = reaching.find((other) => other.name === secret.name && isNarrower(other, secret));
    const liveVersion = pins.find((pin) => secretId(pin) === secretId(secret))?.version ?? null;
    const isAsLive = liveVersion === secret.version;
    const state = winner === undefined ? (isAsLive ? 'live' : 'next') : liveVersion === null ? 'hidden' : 'leaving';
    const hiddenBy = winner === undefined ? null : ownerOfSecret(winner);
    return { id: secretId(secret), name: secret.name, owner: ownerOfSecret(secret), secret, state, hiddenBy, liveVersion };
  });
  const gone = pins
    .filter((pin) => !known.has(secretId(pin)))
    .map((pin): GivenSecret => {
      const { name, version } = pin;
      const none = { secret: null, hiddenBy: null };
      return { id: secretId(pin), name, owner: ownerOfSecret(pin), ...none, state: 'leaving', liveVersion: version };
    });
  return [...there, ...gone].toSorted((a, b) => a.name.localeCompare(b.name) || WIDTH[b.owner.scope] - WIDTH[a.owner.scope]);
}

/** Names whose value may be another one with the next release. */
export function pendingNames(given: readonly GivenSecret[]): string[] {
  const pending = given.filter(({ state }) => state === 'next' || state === 'leaving');
  return [...new Set(pending.map(({ name }) => name))];
}

/** How a secret stands to the live release, in a sentence; null: there is nothing to say beyond its state. */
export function givenText({ state, secret, hiddenBy, liveVersion }: GivenSecret, live: string | null): string | null {
  switch (state) {
    case 'live':
      return null;
    case 'next':
      if (live === null) return null;
      return liveVersion === null ? `${live} is without it` : `${live} runs with version ${liveVersion}`;
    case 'leaving':
      return `${secret === null ? 'removed' : `hidden by ${hiderText(hiddenBy)}`}; ${live} runs with version ${liveVersion}`;
    case 'hidden':
      return `${hiderText(hiddenBy)} is given in its place`;
  }
}

const hiderText = (owner: SecretOwner | null) =>
  owner?.scope === 'project' ? `that of the project ${owner.project}` : 'the app’s own';

// Who runs with a secret --------------------------------------------------------------------------------------------

/** An app with the releases that are known of it, newest first. */
export interface AppReleases {
  app: AppStatus;
  releases: readonly Release[];
}

const canServe = ({ state }: Release) => state === 'live' || state === 'standby' || state === 'pending';

/** Releases that can serve and run with a version of `secret`, such as `shop r12 (live), r11`, by version. */
export function releasesByVersion(secret: Secret, apps: readonly AppReleases[]): Map<number, string> {
  const found = new Map<number, Map<string, string>>();
  for (const { app, releases } of apps) {
    for (const release of releases.filter(canServe)) {
      const pin = release.secrets.find((each) => secretId(each) === secretId(secret));
      if (pin === undefined) continue;
      const text = `${release.id}${release.id === app.release ? ' (live)' : ''}`;
      const names = found.get(pin.version) ?? new Map<string, string>();
      const others = names.get(app.name);
      found.set(pin.version, names.set(app.name, others === undefined ? `${app.name} ${text}` : `${others}, ${text}`));
    }
  }
  return new Map([...found].map(([version, names]) => [version, [...names.values()].join('; ')]));
}

const projectOf = ({ app, releases }: AppReleases) =>
  releases.find(({ id }) => id === app.release)?.configuration.project ?? null;
const takesSecrets = ({ app, releases }: AppReleases) => {
  const live = releases.find(({ id }) => id === app.release);
  return live !== undefined && live.configuration.secrets.inject !== 'none';
};

/** What the next release of an app is given once `secret` is removed; null: it is not given this one now either. */
function afterRemoval(secret: Secret, secrets: readonly Secret[], each: AppReleases): { instead: Secret | null } | null {
  const reachesIt = (other: Secret) => reaches(ownerOfSecret(other), each.app.name, projectOf(each));
  if (!takesSecrets(each) || !reachesIt(secret)) return null;
  const others = secrets.filter((other) => other.name === secret.name && reachesIt(other));
  if (others.some((other) => isNarrower(other, secret))) return null;
  const wider = others.filter((other) => isNarrower(secret, other)).toSorted((a, b) => WIDTH[b.scope] - WIDTH[a.scope]);
  return { instead: wider[0] ?? null };
}

/** Apps of which the next release is another once `secret` is removed. */
export const concernedByRemoval = (secret: Secret, secrets: readonly Secret[], apps: readonly AppReleases[]): string[] =>
  apps.filter((each) => afterRemoval(secret, secrets, each) !== null).map(({ app }) => app.name);

/** Apps that a scope reaches, as far as their live releases say. */
export const appsReached = (owner: SecretOwner, apps: readonly AppReleases[]): string[] =>
  apps.filter((each) => takesSecrets(each) && reaches(owner, each.app.name, projectOf(each))).map(({ app }) => app.name);

/** What a removal of `secret` takes away, a line each. */
export function secretGoes(secret: Secret, secrets: readonly Secret[], apps: readonly AppReleases[]): string[] {
  const older = secret.versions.length - 1;
  const versions = older < 1 ? '' : ` and ${older === 1 ? 'its older version' : `its ${older} older versions`}`;
  const lines = apps.flatMap((each) => {
    const after = afterRemoval(secret, secrets, each);
    if (after === null) return [];
    const { instead } = after;
    const next = `the next release of ${each.app.name}`;
    return instead === null ? [`${next} is without it`] : [`${next} is given ${widerText(instead)} in its place`];
  });
  return [`its value${versions}, from ${ownerPhrase(ownerOfSecret(secret))}`, ...lines];
}

const widerText = ({ scope, project }: Secret) => (scope === 'project' ? `that of the project ${project}` : 'the global one');

/** Which releases keep what a removal takes away, a line each. */
export function secretStays(secret: Secret, apps: readonly AppReleases[]): string[] {
  const lines = [...releasesByVersion(secret, apps)].toSorted(([a], [b]) => b - a);
  if (lines.length === 0) return ['nothing: no release runs with it'];
  return lines.map(([version, names]) => `version ${version}, for ${names}`);
}

// Changes -----------------------------------------------------------------------------------------------------------

const CHANGES: SecretChange['change'][] = ['removed', 'changed', 'added', 'kept', 'unchanged'];

/** What takes something away stands first, what changes nothing last. */
export const inOrderOfChange = (changes: readonly SecretChange[]): SecretChange[] =>
  changes.toSorted((a, b) => CHANGES.indexOf(a.change) - CHANGES.indexOf(b.change) || a.name.localeCompare(b.name));

/** `1 removed, 2 changed, 3 unchanged`. */
export function changesText(changes: readonly SecretChange[]): string {
  const counts = CHANGES.map((kind) => [kind, changes.filter(({ change }) => change === kind).length] as const);
  return counts
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
}

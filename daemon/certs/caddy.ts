/**
 * Caddy obtains and renews by itself. Here: what it keeps, what went wrong with it, and how it is had to renew one name now.
 *
 * For that Caddy runs for a moment with its own configuration and one more policy, by which this name alone is in its renewal window: it
 * serves what it has while it obtains the next. Then it is reloaded. The window is chosen so that the new certificate is not in it: were
 * the daemon killed in between, nothing would be renewed again and again.
 */
import { DomainError } from '../contract/errors.ts';
import { limitIn, sentence } from './certbot-output.ts';
import { fingerprintOf, lifetimeOf, readLeaf } from './pem.ts';
import type { CaddyMachine, IssueFailure, StoredByCaddy } from './ports.ts';

/** By which our policy is found again in what runs. */
const POLICY_ID = 'nextdeploy-renewal';

export type CaddyFailure = IssueFailure & { at: Date };

/** The newest of what Caddy keeps for the name. */
export async function findInCaddy(
  machine: CaddyMachine,
  domain: string,
  signal: AbortSignal,
): Promise<(StoredByCaddy & { fingerprint: string }) | null> {
  const readable = (await machine.readStored(domain, signal)).flatMap((stored) => {
    const leaf = readLeaf(stored.certificate);
    return leaf === null ? [] : [{ ...stored, fingerprint: fingerprintOf(leaf), from: lifetimeOf(leaf).not_before_ms }];
  });
  return readable.toSorted((a, b) => b.from - a.from)[0] ?? null;
}

/** What Caddy's log last said went wrong with the name, if it has not obtained it since. */
export async function lastFailureOfCaddy(
  machine: CaddyMachine,
  domain: string,
  since: Date,
  signal: AbortSignal,
): Promise<CaddyFailure | null> {
  let failure: CaddyFailure | null = null;
  for (const line of await machine.readLog(since, signal)) {
    const entry = parseEntry(line);
    if (entry === null || !isAbout(entry, domain) || entry.at < since) continue;
    if (entry.error !== '')
      failure = { at: entry.at, message: sentence(entry.error, typeOf(entry.error)), ...limitIn(entry.error) };
    else if (/certificate (?:obtained|renewed) successfully/.test(entry.message)) failure = null;
  }
  return failure;
}

interface Entry {
  at: Date;
  message: string;
  error: string;
  identifier: string;
}

/** Of Caddy's log of certificates, which is JSON where it is no terminal; null: of something else. */
function parseEntry(line: string): Entry | null {
  if (!line.startsWith('{') || !line.includes('"tls')) return null;
  try {
    const { ts, logger, msg, error, identifier, problem } = JSON.parse(line) as Record<string, unknown>;
    if (typeof ts !== 'number' || typeof logger !== 'string' || !/^(?:tls|http\.acme_client)/.test(logger)) return null;
    const told = (problem as { detail?: unknown } | undefined)?.detail;
    const text = typeof error === 'string' ? error : typeof told === 'string' ? told : '';
    return { at: new Date(ts * 1000), message: String(msg), error: text, identifier: String(identifier ?? '') };
  } catch {
    return null;
  }
}

const isAbout = ({ identifier, error }: Entry, domain: string) => identifier === domain || error.startsWith(`[${domain}]`);
const typeOf = (error: string) => /urn:ietf:params:acme:error:(\w+)/.exec(error)?.[1];

/**
 * Has Caddy begin to renew the name. Throws `unprocessable` or `unavailable` that says why it cannot; nothing is changed then. To be
 * ended by a reload.
 */
export async function beginRenewal(machine: CaddyMachine, domain: string, now: Date, signal: AbortSignal): Promise<void> {
  const stored = await findInCaddy(machine, domain, signal);
  const leaf = stored === null ? null : readLeaf(stored.certificate);
  if (stored === null || leaf === null)
    throw new DomainError(
      'unprocessable',
      `Caddy keeps no certificate of ${domain} that could be renewed; it obtains one by itself.`,
    );
  const config = await machine.readConfig(signal);
  if (config === null) throw new DomainError('unavailable', 'Caddy does not run, or its admin API is off.');
  const { not_before_ms, not_after_ms } = lifetimeOf(leaf);
  const window = windowFor({ not_before_ms, not_after_ms }, now.getTime());
  try {
    // Later versions look after a name that they have in memory already only every ten minutes: it is taken from their care, served from its
    // file meanwhile, and given back.
    await machine.loadConfig(withoutCare(config, domain, stored), signal);
    await machine.loadConfig(withRenewal(config, domain, window), signal);
  } catch (cause) {
    throw new DomainError('unavailable', `Caddy cannot be had to renew ${domain}; see \`journalctl -u caddy\`.`, { cause });
  }
}

/** Whether Caddy runs with what {@link beginRenewal} loaded. */
export async function isRenewing(machine: CaddyMachine, signal: AbortSignal): Promise<boolean> {
  return JSON.stringify((await machine.readConfig(signal)) ?? null).includes(`"${POLICY_ID}"`);
}

/** The part of the lifetime, counted from its end, in which Caddy renews: this certificate is in it, and one made now is not for long. */
export function windowFor(
  { not_before_ms, not_after_ms }: { not_before_ms: number; not_after_ms: number },
  now_ms: number,
): number {
  const part = (now_ms - not_before_ms) / Math.max(1, not_after_ms - not_before_ms);
  return 1 - Math.min(Math.max(part / 2, 1e-9), 0.5);
}

interface Config {
  apps?: { tls?: { automation?: { policies?: Policy[] }; certificates?: { load_files?: unknown[]; automate?: string[] } } };
}
interface Policy {
  subjects?: string[];
}

/** Caddy's JSON configuration (https://caddyserver.com/docs/json/apps/tls/) in which the name is served from its files. */
export function withoutCare(config: unknown, domain: string, files: StoredByCaddy): unknown {
  const { copy, tls } = copied(config);
  const file = { certificate: files.certificate_path, key: files.key_path, tags: [POLICY_ID] };
  const { automate = [], load_files = [] } = tls.certificates ?? {};
  tls.certificates = {
    ...tls.certificates,
    load_files: [...load_files, file],
    ...(automate.length > 0 ? { automate: automate.filter((name) => name !== domain) } : {}),
  };
  return copy;
}

/** The configuration with a policy for the name that is like the one it has, but for the window. */
export function withRenewal(config: unknown, domain: string, renewal_window_ratio: number): unknown {
  const { copy, tls } = copied(config);
  const policies = tls.automation?.policies ?? [];
  const own = policies.find(
    ({ subjects }) => subjects === undefined || subjects.length === 0 || subjects.some((name) => covers(name, domain)),
  );
  // A name may be in one policy only.
  const others = policies.map((policy) =>
    policy.subjects?.includes(domain) ? { ...policy, subjects: policy.subjects.filter((name) => name !== domain) } : policy,
  );
  const kept = others.filter((policy, index) => policy.subjects?.length !== 0 || policies[index]?.subjects?.length === 0);
  tls.automation = {
    ...tls.automation,
    policies: [{ ...own, '@id': POLICY_ID, subjects: [domain], renewal_window_ratio } as Policy, ...kept],
  };
  return copy;
}

/** A wildcard stands for one label. */
const covers = (subject: string, domain: string) =>
  subject === domain || (subject.startsWith('*.') && domain.slice(domain.indexOf('.')) === subject.slice(1));

function copied(config: unknown) {
  // Of Caddy's own making.
  const copy = structuredClone(config) as Config;
  copy.apps ??= {};
  copy.apps.tls ??= {};
  return { copy, tls: copy.apps.tls };
}

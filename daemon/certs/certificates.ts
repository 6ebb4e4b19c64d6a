/** Certificates of all sites: imports, renewals on demand and by the policy, and what has to be there before a route is served. */
import type { Certificate } from '../contract/certificates.ts';
import { DomainError } from '../contract/errors.ts';
import type { RefusedRoute } from '../engine/ports.ts';
import type { RouteModel } from '../engine/state.ts';
import { lastFailureOfCaddy } from './caddy.ts';
import { CERTBOT_MISSING, CertificateIssuer } from './issuer.ts';
import { CertificateObserver } from './observer.ts';
import { checkPair, factsOf, isValidFor, lifetimeOf, readLeaf } from './pem.ts';
import type { CertificateParts, KeptPair, Pair } from './ports.ts';
import { CertificateRecords } from './records.ts';
import { selfSigned } from './self-signed.ts';
import { type CertificateUse, usesOf } from './uses.ts';

/** Between two rounds. */
const ROUND_MS = 60_000;
/** Soon after a route is served its certificate is of interest. */
const SOON_MS = 5_000;
/** So often one is looked at of which nothing is to be expected. */
const QUIET_LOOK_MS = 10 * 60_000;
/** A deploy that has begun may still need the placeholder that was made for it. */
const PLACEHOLDER_MS_MIN = 3_600_000;
/** What Caddy's log may tell of that has not been told yet. */
const LOG_MS_MAX = 3_600_000;
/** Less than callers wait for an answer. */
const ANSWER_MS_MAX = 25_000;

export class Certificates {
  readonly #parts: CertificateParts;
  readonly #records: CertificateRecords;
  readonly #observer: CertificateObserver;
  readonly #issuer: CertificateIssuer;
  /** By domain, in milliseconds of the clock that never jumps. */
  readonly #looked = new Map<string, number>();
  #wake: () => void = () => undefined;

  constructor(parts: CertificateParts) {
    this.#parts = parts;
    this.#records = new CertificateRecords(parts);
    this.#observer = new CertificateObserver(parts, this.#records);
    this.#issuer = new CertificateIssuer(parts, this.#records, this.#observer);
  }

  list(signal: AbortSignal): Promise<Certificate[]> {
    return this.#observer.list(signal);
  }

  /**
   * Obtains a new certificate and resolves when it is served. Goes on when the caller has gone. Throws `not_found`, `unprocessable` with
   * what the authority said, or `unavailable` when it takes longer than callers wait.
   */
  async renew(domain: string, signal: AbortSignal): Promise<Certificate> {
    const use = this.#findUse(domain);
    if (use === null)
      throw new DomainError('not_found', `No route serves ${domain} with TLS; \`nextdeploy certs\` lists what is served.`);
    if (use.source === 'imported') {
      const message = `The certificate of ${domain} was imported, and nobody renews it here; import its successor with \`nextdeploy certs import\`.`;
      throw new DomainError('unprocessable', message);
    }
    const { retry_after_ms, is_rate_limited } = this.#records.failuresOf(domain);
    if (is_rate_limited && retry_after_ms !== null && retry_after_ms > this.#parts.clock.now().getTime()) {
      const until = new Date(retry_after_ms).toISOString();
      throw new DomainError('unprocessable', `The authority takes no order for ${domain} before ${until}; what is served stays.`);
    }
    const order = this.#issuer.order(use);
    const isDone = await Promise.race([order.then(() => true), this.#waited(signal)]);
    if (!isDone) {
      const message = `The order for ${domain} goes on, and takes longer than an answer may; \`nextdeploy certs\` shows what comes of it.`;
      throw new DomainError('unavailable', message);
    }
    return this.#observer.look(use, signal);
  }

  /** Throws `invalid_request` with the field, or `unprocessable` when the proxy does not take it; all is as before then. */
  async import(domain: string, given: Pair, actor: string): Promise<Certificate> {
    const { clock, files, findsIssuer, stopping } = this.#parts;
    const pair = checkPair({ domain, ...given }, { now: clock.now(), findsIssuer });
    const use = this.#findUse(domain);
    // A route whose certificate is managed goes on with it, until it is deployed with `import`.
    if (use?.source === 'certbot') await files.add(domain, 'imported', pair);
    else await this.#issuer.replace(domain, pair, 'imported', use?.source === 'imported' ? use : null);
    const leaf = readLeaf(pair.certificate);
    if (leaf === null) throw new Error('a checked pair cannot be read');
    const facts = factsOf(leaf, clock.now());
    const named = { domain, app_name: use?.app_name ?? null };
    this.#records.imported(named, facts.fingerprint, { actor, not_after: facts.not_after });
    if (use?.source === 'imported') return this.#observer.look(use, stopping);
    const detail =
      use === null ? 'It is kept, and no route uses it yet.' : 'It is kept; deploy the app with tls import to have it served.';
    return {
      ...{ ...named, proxy: null, source: 'imported', state: 'ok', detail, served: null, stored: facts },
      ...{ next_renewal_at: null, last_attempt: null, checked_at: clock.now().toISOString() },
    };
  }

  /** Forgets an imported one. Throws `not_found`, or `conflict` while a route uses it. */
  async remove(domain: string): Promise<{ domain: string }> {
    const { files } = this.#parts;
    const use = this.#findUse(domain);
    if (use?.source === 'imported') {
      const whose = use.app_name === null ? 'a route' : `the app ${use.app_name}`;
      throw new DomainError('conflict', `The certificate of ${domain} is served for ${whose}; deploy it with another tls first.`);
    }
    const imported = await files.newest(domain, 'imported');
    if (imported === null && (use !== null || (await files.read(domain)) === null))
      throw new DomainError('not_found', `There is no imported certificate of ${domain}.`);
    if (use?.source !== 'certbot') {
      await files.remove(domain);
      if (use === null) this.#records.forget(domain);
      return { domain };
    }
    const managed = await files.newest(domain, 'certbot');
    if (managed === null && (await files.read(domain))?.source === 'imported') {
      const message = `The certificate of ${domain} is served until one is obtained from the authority; try again then.`;
      throw new DomainError('conflict', message);
    }
    await files.prune(domain, managed === null ? [] : [managed.version]);
    return { domain };
  }

  /**
   * What the route needs is there when it resolves, so that a proxy can judge it and start with it. Throws `unprocessable` with the domain
   * for one that cannot be had, such as an imported certificate that nobody has imported.
   */
  async demand(route: RouteModel): Promise<void> {
    for (const use of usesOf([route])) await this.#place(use, { isCandidate: true });
  }

  /** Before a route is applied: as {@link demand}, and the route's own source is what the proxy will read. */
  async prepare(route: RouteModel): Promise<void> {
    for (const use of usesOf([route])) await this.#place(use, { isCandidate: false });
  }

  /** After it was applied: orders what is missing in the background. */
  applied(route: RouteModel): void {
    for (const use of usesOf([route])) {
      this.#looked.delete(use.domain);
      if (use.source !== 'certbot') continue;
      this.#renewWhenDue(use).catch((err: unknown) => {
        this.#parts.warn({ err, domain: use.domain }, 'its certificate could not be ordered');
      });
    }
    this.#wake();
  }

  /** Looks, renews and tells until the daemon stops. Never rejects. */
  async run(): Promise<void> {
    const { clock, stopping, warn } = this.#parts;
    await this.#issuer.recover();
    while (!stopping.aborted) {
      const pause_ms = await this.#round().catch((err: unknown) => {
        if (!stopping.aborted) warn({ err }, 'the certificates could not be looked at');
        return ROUND_MS;
      });
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([woken, clock.sleep(pause_ms, stopping).catch(() => undefined)]);
    }
  }

  /** How long until the next. */
  async #round(): Promise<number> {
    const { clock, stopping } = this.#parts;
    const uses = usesOf(this.#parts.listRoutes());
    let isSoon = false;
    for (const use of uses) {
      const at = this.#looked.get(use.domain);
      if (stopping.aborted || this.#issuer.isOrdering(use.domain)) continue;
      if (at !== undefined && clock.monotonicMs() < at) continue;
      const seen = await this.#observer.look(use, stopping);
      const isQuiet = seen.state === 'ok' || seen.state === 'expiring' || seen.state === 'expired' || use.source === 'imported';
      isSoon ||= seen.state === 'pending' && at === undefined;
      this.#looked.set(use.domain, clock.monotonicMs() + (isQuiet ? QUIET_LOOK_MS : ROUND_MS / 2));
      if (use.source === 'caddy') await this.#followCaddy(use, seen);
      else if (use.source === 'certbot') await this.#renewWhenDue(use);
    }
    const names = new Set(uses.map(({ domain }) => domain));
    for (const domain of this.#looked.keys()) if (!names.has(domain)) this.#looked.delete(domain);
    await this.#sweep(names);
    return isSoon ? SOON_MS : ROUND_MS;
  }

  /** What Caddy could not do by itself. */
  async #followCaddy(use: CertificateUse, seen: Certificate): Promise<void> {
    const { clock, caddy, stopping } = this.#parts;
    const now = clock.now();
    const isOverdue = seen.next_renewal_at !== null && Date.parse(seen.next_renewal_at) < now.getTime();
    if (seen.state === 'unreachable' || (!isOverdue && seen.state !== 'pending')) return;
    const last = seen.last_attempt === null ? 0 : Date.parse(seen.last_attempt.at);
    // Its time stands in the log in parts of a millisecond.
    const since = new Date(Math.max(last + 1, now.getTime() - LOG_MS_MAX));
    const failure = await lastFailureOfCaddy(caddy, use.domain, since, stopping);
    if (failure !== null) this.#records.failed(use, failure, failure.at);
  }

  async #renewWhenDue(use: CertificateUse): Promise<void> {
    const { clock, stopping } = this.#parts;
    const now = clock.now();
    const stored = await this.#observer.findStored(use, stopping);
    if (this.#observer.nextAttempt(use.domain, stored, now) > now.getTime()) return;
    void this.#orderQuietly(use);
  }

  /** Its failure is recorded and told of. */
  async #orderQuietly(use: CertificateUse): Promise<void> {
    await this.#issuer.order(use).catch(() => undefined);
    this.#looked.delete(use.domain);
    this.#wake();
  }

  /** Takes away placeholders that no route came to use. */
  async #sweep(used: ReadonlySet<string>): Promise<void> {
    const { files, clock } = this.#parts;
    for (const domain of await files.list()) {
      if (used.has(domain)) continue;
      const kept = await files.read(domain);
      const isOld = kept !== null && clock.now().getTime() - kept.written_at_ms > PLACEHOLDER_MS_MIN;
      if (kept?.source === 'placeholder' && isOld) await files.remove(domain);
    }
  }

  async #place(use: CertificateUse, { isCandidate }: { isCandidate: boolean }): Promise<void> {
    if (use.source === 'caddy') return;
    const { files, services } = this.#parts;
    const current = await files.read(use.domain);
    const pair =
      use.source === 'imported' ? await this.#demandImported(use.domain, isCandidate) : await this.#placeManaged(use, current);
    await files.giveTo(use.domain, pair.version, services[use.proxy]);
    // What is served now stays until the new route is; the proxy needs any pair to judge by.
    if (current === null || (!isCandidate && current.version !== pair.version)) await files.use(use.domain, pair.version);
  }

  async #demandImported(domain: string, isCandidate: boolean): Promise<KeptPair> {
    const { files, clock } = this.#parts;
    const command = `nextdeploy certs import ${domain} --cert FILE --key FILE`;
    const imported = await files.newest(domain, 'imported');
    if (imported === null)
      throw refusal(
        domain,
        `There is no imported certificate of ${domain}; import it first with \`${command}\`, or set tls to auto.`,
      );
    const leaf = readLeaf(imported.certificate);
    // What served before goes on doing so, a rollback too.
    if (!isCandidate || leaf === null) return imported;
    const { not_after_ms } = lifetimeOf(leaf);
    if (not_after_ms > clock.now().getTime() && isValidFor(leaf, domain)) return imported;
    const at = new Date(not_after_ms).toISOString();
    throw refusal(domain, `The imported certificate of ${domain} expired at ${at}; import its successor with \`${command}\`.`);
  }

  /** Whatever a browser takes, or else a placeholder. */
  async #placeManaged({ domain }: CertificateUse, current: KeptPair | null): Promise<KeptPair> {
    const { files, certbot, clock } = this.#parts;
    const managed = await files.newest(domain, 'certbot');
    if (managed !== null) return managed;
    if (!(await certbot.isInstalled()))
      throw refusal(domain, `nginx cannot obtain a certificate of ${domain}: ${CERTBOT_MISSING}`);
    return current ?? (await files.add(domain, 'placeholder', selfSigned(domain, clock.now())));
  }

  #findUse(domain: string): CertificateUse | null {
    return usesOf(this.#parts.listRoutes()).find((use) => use.domain === domain) ?? null;
  }

  async #waited(signal: AbortSignal): Promise<false> {
    await this.#parts.clock.sleep(ANSWER_MS_MAX, signal);
    return false;
  }
}

function refusal(domain: string, message: string): DomainError {
  return new DomainError('unprocessable', message, { details: { domain } satisfies RefusedRoute });
}

/** Obtains and renews certificates, and puts new pairs where the proxies read them; one name at a time of Caddy, and of certbot. */
import { DomainError } from '../contract/errors.ts';
import { beginRenewal, findInCaddy, isRenewing, lastFailureOfCaddy } from './caddy.ts';
import { explainCertbot } from './certbot-output.ts';
import type { CertificateObserver } from './observer.ts';
import { checkPair, factsOf, fingerprintOf, readLeaf } from './pem.ts';
import type { CertificateParts, IssueFailure, KeptPair, Pair } from './ports.ts';
import type { CertificateRecords } from './records.ts';
import type { CertificateUse } from './uses.ts';

const CADDY_MS_MAX = 120_000;
const CADDY_PAUSE_MS = 500;
const WAY_BACK_MS_MAX = 60_000;

/** An order that failed; what is served stays. */
class OrderFailure extends Error {
  readonly failure: IssueFailure;

  constructor(failure: IssueFailure, cause?: unknown) {
    super(failure.message, { cause });
    this.failure = failure;
  }
}

const plainFailure = (message: string, cause?: unknown) =>
  new OrderFailure({ message, is_rate_limited: false, retry_after: null }, cause);

export class CertificateIssuer {
  readonly #parts: CertificateParts;
  readonly #records: CertificateRecords;
  readonly #observer: CertificateObserver;
  /** By domain: whoever asks while it goes on gets the same end. */
  readonly #orders = new Map<string, Promise<void>>();
  readonly #last: Record<string, Promise<unknown>> = {};

  constructor(parts: CertificateParts, records: CertificateRecords, observer: CertificateObserver) {
    this.#parts = parts;
    this.#records = records;
    this.#observer = observer;
  }

  isOrdering(domain: string): boolean {
    return this.#orders.has(domain);
  }

  /** Resolves when the new one is served. Throws `unprocessable` with what went wrong, which is recorded and told of. */
  order(use: CertificateUse): Promise<void> {
    const { domain } = use;
    const under = this.#orders.get(domain);
    if (under !== undefined) return under;
    const order = this.#inTurn(use.source, () => this.#order(use)).finally(() => this.#orders.delete(domain));
    this.#orders.set(domain, order);
    return order;
  }

  /** Ends a renewal of Caddy's that an earlier run of the daemon began. */
  async recover(): Promise<void> {
    const { caddy, proxies, stopping, warn } = this.#parts;
    try {
      if (await isRenewing(caddy, stopping)) await proxies.caddy.reloadCertificates(stopping);
    } catch (err) {
      if (!stopping.aborted) warn({ err }, 'could not see whether Caddy is renewing a certificate for us');
    }
  }

  /**
   * Puts the pair in the place of the one before and sees it served. When the proxy does not take it, all is as before and it throws
   * `unprocessable`. `use` null: no route uses it.
   */
  async replace(domain: string, pair: Pair, source: 'imported' | 'certbot', use: CertificateUse | null): Promise<KeptPair> {
    const { files } = this.#parts;
    const before = await files.read(domain);
    const added = await files.add(domain, source, pair);
    if (use === null) {
      await files.use(domain, added.version);
    } else {
      const release = this.#observer.expectChange(domain);
      try {
        await this.#switchTo(use, added, this.#parts.stopping);
      } catch (cause) {
        if (before !== null) await this.#switchBack(use, before);
        await files.prune(domain, [added.version]);
        if (!(cause instanceof DomainError)) throw cause;
        throw new DomainError('unprocessable', `${cause.message} The certificate before it is in its place again.`, { cause });
      } finally {
        release();
      }
    }
    await files.prune(domain);
    return added;
  }

  async #switchTo(use: CertificateUse, added: KeptPair, signal: AbortSignal): Promise<void> {
    const { files, proxies, services } = this.#parts;
    const { domain, proxy } = use;
    await files.giveTo(domain, added.version, services[proxy]);
    await files.use(domain, added.version);
    await proxies[proxy].reloadCertificates(signal);
    const leaf = readLeaf(added.certificate);
    const why = leaf && (await this.#observer.confirmServed(use, fingerprintOf(leaf), signal));
    if (why === null) return;
    throw new DomainError('unprocessable', `${proxy} was reloaded, but does not serve the new certificate of ${domain}: ${why}.`);
  }

  async #switchBack({ domain, proxy }: CertificateUse, before: KeptPair): Promise<void> {
    const { files, proxies, warn } = this.#parts;
    await files.use(domain, before.version);
    await proxies[proxy].reloadCertificates(AbortSignal.timeout(WAY_BACK_MS_MAX)).catch((err: unknown) => {
      warn({ err, domain }, 'the proxy could not be reloaded with the certificate before');
    });
  }

  async #order(use: CertificateUse): Promise<void> {
    const { domain } = use;
    const had = await this.#observer.findStored(use, this.#parts.stopping);
    try {
      const fingerprint = use.source === 'caddy' ? await this.#orderOfCaddy(use) : await this.#orderOfCertbot(use);
      const stored = await this.#observer.findStored(use, this.#parts.stopping);
      const not_after = stored === null ? '' : factsOf(stored, this.#parts.clock.now()).not_after;
      this.#records.succeeded(use, fingerprint, { verb: had === null ? 'obtained' : 'renewed', not_after });
    } catch (error) {
      if (this.#parts.stopping.aborted) throw error;
      const failure = error instanceof OrderFailure ? error.failure : asFailure(error);
      this.#records.failed(use, failure);
      throw new DomainError('unprocessable', `No new certificate of ${domain} could be obtained: ${failure.message}`, {
        cause: error,
      });
    }
  }

  async #orderOfCertbot(use: CertificateUse): Promise<string> {
    const { certbot, stopping, clock } = this.#parts;
    const { domain } = use;
    if (!(await certbot.isInstalled())) throw plainFailure(CERTBOT_MISSING);
    const issued = await certbot.order(domain, stopping);
    if (!issued.ok) throw new OrderFailure(explainCertbot(issued.output, issued.log));
    // Whom the authority is trusted by is its own affair; everything else would break the site.
    const pair = checkPair({ domain, ...issued.pair }, { now: clock.now(), findsIssuer: () => true });
    const kept = await this.replace(domain, pair, 'certbot', use);
    const leaf = readLeaf(kept.certificate);
    if (leaf === null) throw plainFailure('what certbot brought cannot be read');
    return fingerprintOf(leaf);
  }

  /** The fingerprint of the one that is served now. */
  async #orderOfCaddy(use: CertificateUse): Promise<string> {
    const { caddy, clock, proxies, stopping } = this.#parts;
    const { domain } = use;
    const before = await findInCaddy(caddy, domain, stopping);
    const began = clock.now();
    const release = this.#observer.expectChange(domain);
    try {
      if (before !== null) await beginRenewal(caddy, domain, began, stopping);
      // Ends the pause that Caddy makes after a failure.
      else await proxies.caddy.reloadCertificates(stopping);
      const fingerprint = await this.#awaitCaddy(domain, before?.fingerprint ?? null, began);
      if (before !== null) await proxies.caddy.reloadCertificates(stopping);
      const why = await this.#observer.confirmServed(use, fingerprint, stopping);
      if (why !== null) throw plainFailure(`Caddy has obtained one and does not serve it: ${why}.`);
      return fingerprint;
    } catch (error) {
      if (before !== null) await proxies.caddy.reloadCertificates(AbortSignal.timeout(WAY_BACK_MS_MAX)).catch(() => undefined);
      throw error;
    } finally {
      release();
    }
  }

  async #awaitCaddy(domain: string, before: string | null, began: Date): Promise<string> {
    const { caddy, clock, stopping } = this.#parts;
    const deadline = clock.monotonicMs() + CADDY_MS_MAX;
    for (;;) {
      const stored = await findInCaddy(caddy, domain, stopping);
      if (stored !== null && stored.fingerprint !== before) return stored.fingerprint;
      const failure = await lastFailureOfCaddy(caddy, domain, began, stopping);
      if (failure !== null) throw new OrderFailure(failure);
      if (clock.monotonicMs() >= deadline)
        throw plainFailure(`Caddy has not obtained it within ${CADDY_MS_MAX / 1000} s; see \`journalctl -u caddy\`.`);
      await clock.sleep(CADDY_PAUSE_MS, stopping);
    }
  }

  #inTurn<T>(source: CertificateUse['source'], body: () => Promise<T>): Promise<T> {
    const last = this.#last[source] ?? Promise.resolve();
    const turn = last.then(body, body);
    this.#last[source] = turn.catch(() => undefined);
    return turn;
  }
}

export const CERTBOT_MISSING =
  'certbot is not installed on this host; install it, such as with `apt-get install certbot`, or import a certificate.';

function asFailure(error: unknown): IssueFailure {
  const message = error instanceof Error ? error.message : String(error);
  return { message, is_rate_limited: false, retry_after: null };
}

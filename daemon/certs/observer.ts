/** Looks at certificates as they are now: served, kept, and what comes next. */
import { X509Certificate } from 'node:crypto';
import type { Certificate } from '../contract/certificates.ts';
import { findInCaddy } from './caddy.ts';
import { factsOf, fingerprintOf, lifetimeOf, readLeaf } from './pem.ts';
import { isExpiring, jitterOf, nextAttemptAt, renewalAt } from './policy.ts';
import type { CertificateParts } from './ports.ts';
import type { CertificateRecords } from './records.ts';
import { type CertificateUse, usesOf } from './uses.ts';
import { isPlaceholder, type Seen, verdictOf } from './verdict.ts';

type Parts = Pick<CertificateParts, 'files' | 'askServed' | 'caddy' | 'clock' | 'listRoutes'>;

/** What differs for a moment while a proxy takes a new one over is no mismatch. */
const SETTLE_MS = 1_000;
const CONFIRM_PAUSE_MS = 100;
const CONFIRM_MS_MAX = 15_000;
/** nginx lets old and new workers answer side by side for a moment. */
const CONFIRMATIONS = 3;
const AT_ONCE = 16;

export class CertificateObserver {
  readonly #parts: Parts;
  readonly #records: CertificateRecords;

  constructor(parts: Parts, records: CertificateRecords) {
    this.#parts = parts;
    this.#records = records;
  }

  /** All that routes use, and imported ones that none does. */
  async list(signal: AbortSignal): Promise<Certificate[]> {
    const uses = usesOf(this.#parts.listRoutes());
    const used = new Set(uses.map(({ domain }) => domain));
    const seen: Certificate[] = [];
    for (let start = 0; start < uses.length; start += AT_ONCE)
      seen.push(...(await Promise.all(uses.slice(start, start + AT_ONCE).map((use) => this.look(use, signal)))));
    for (const domain of await this.#parts.files.list()) {
      const unused = used.has(domain) ? null : await this.#describeUnused(domain);
      if (unused !== null) seen.push(unused);
    }
    return seen.toSorted((a, b) => a.domain.localeCompare(b.domain));
  }

  /** And tells of what has changed. */
  async look(use: CertificateUse, signal: AbortSignal): Promise<Certificate> {
    let seen = await this.#look(use, signal);
    if (seen.state === 'mismatched' || seen.state === 'missing') {
      await this.#parts.clock.sleep(SETTLE_MS, signal);
      seen = await this.#look(use, signal);
    }
    this.#records.looked(seen);
    return seen;
  }

  /** The one that is kept of what the route asks for; null: none, also while another stands in for it. */
  async findStored({ domain, source }: CertificateUse, signal: AbortSignal): Promise<X509Certificate | null> {
    if (source === 'caddy') {
      const stored = await findInCaddy(this.#parts.caddy, domain, signal);
      return stored === null ? null : readLeaf(stored.certificate);
    }
    const kept = await this.#parts.files.read(domain);
    return kept?.source === source ? readLeaf(kept.certificate) : null;
  }

  /** Resolves once it is served; with what is served in its place when the time is over. */
  async confirmServed({ domain, proxy }: CertificateUse, fingerprint: string, signal: AbortSignal): Promise<string | null> {
    const { askServed, clock } = this.#parts;
    const deadline = clock.monotonicMs() + CONFIRM_MS_MAX;
    for (let count = 0; ; ) {
      const served = await askServed(proxy, domain, signal);
      const isServed = served.kind === 'certificate' && fingerprintOf(new X509Certificate(served.der)) === fingerprint;
      count = isServed ? count + 1 : 0;
      if (count >= CONFIRMATIONS) return null;
      if (clock.monotonicMs() >= deadline) return served.kind === 'certificate' ? 'another certificate is served' : served.detail;
      await clock.sleep(CONFIRM_PAUSE_MS, signal);
    }
  }

  async #look(use: CertificateUse, signal: AbortSignal): Promise<Certificate> {
    const { domain, app_name, proxy, source } = use;
    const [stored, answer] = await Promise.all([this.findStored(use, signal), this.#parts.askServed(proxy, domain, signal)]);
    const now = this.#parts.clock.now();
    const { last_attempt } = this.#records.get(domain);
    const served: Seen['served'] =
      answer.kind === 'certificate' ? { kind: 'certificate', certificate: new X509Certificate(answer.der) } : answer;
    const shown = served.kind === 'certificate' && !isPlaceholder(served.certificate) ? served.certificate : null;
    return {
      ...{ domain, app_name, proxy, source },
      ...verdictOf({ domain, source, proxy, served, stored, last_attempt, now }),
      served: shown && factsOf(shown, now),
      stored: stored && factsOf(stored, now),
      next_renewal_at: this.#nextRenewal(use, stored, now),
      last_attempt,
      checked_at: now.toISOString(),
    };
  }

  #nextRenewal({ domain, source }: CertificateUse, stored: X509Certificate | null, now: Date): string | null {
    if (source === 'imported') return null;
    const lifetime = stored && lifetimeOf(stored);
    // Caddy decides for itself, by the same third.
    if (source === 'caddy') return lifetime && new Date(renewalAt(lifetime, 0)).toISOString();
    return new Date(this.nextAttempt(domain, stored, now)).toISOString();
  }

  /** In milliseconds of Unix time; not after `now`: now. */
  nextAttempt(domain: string, stored: X509Certificate | null, now: Date): number {
    const failures = this.#records.failuresOf(domain);
    const jitter = stored === null ? 0 : jitterOf(fingerprintOf(stored));
    return nextAttemptAt({ now_ms: now.getTime(), lifetime: stored && lifetimeOf(stored), failures, jitter });
  }

  async #describeUnused(domain: string): Promise<Certificate | null> {
    const kept = (await this.#parts.files.newest(domain, 'imported')) ?? (await this.#parts.files.read(domain));
    const leaf = kept === null || kept.source === 'placeholder' ? null : readLeaf(kept.certificate);
    if (kept === null || leaf === null) return null;
    const now = this.#parts.clock.now();
    const lifetime = lifetimeOf(leaf);
    const isOver = lifetime.not_after_ms <= now.getTime();
    const state = isOver ? 'expired' : isExpiring(lifetime, now.getTime()) ? 'expiring' : 'ok';
    const detail = isOver
      ? `It has expired, and no route uses it; remove it with \`nextdeploy certs remove ${domain}\`.`
      : 'It is kept, and no route uses it.';
    return {
      ...{ domain, app_name: null, proxy: null, source: kept.source === 'imported' ? 'imported' : 'certbot', state, detail },
      ...{ served: null, stored: factsOf(leaf, now), next_renewal_at: null, last_attempt: null, checked_at: now.toISOString() },
    };
  }
}

/** What is kept of attempts, and what is told of certificates: each change once, however often it is looked at. */
import type { Certificate, CertificateState } from '../contract/certificates.ts';
import type { EventKind } from '../contract/domain.ts';
import type { Failures } from './policy.ts';
import type { CertificateParts, CertificateRecord, IssueFailure } from './ports.ts';

type Parts = Pick<CertificateParts, 'store' | 'publishEvent' | 'clock'>;
type Level = 'info' | 'warning' | 'error';
interface Named {
  domain: string;
  app_name: string | null;
}

/** States that are told of when they begin. */
const ALERTS: Partial<Record<CertificateState, { kind: EventKind; level: Level }>> = {
  expiring: { kind: 'certificate.expiring', level: 'warning' },
  expired: { kind: 'certificate.expiring', level: 'error' },
  mismatched: { kind: 'certificate.mismatched', level: 'error' },
};
/** A certificate that was not known before and is no older was obtained just now; authorities date back by an hour. */
const NEW_MS_MAX = 2 * 3_600_000;

export class CertificateRecords {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get(domain: string): CertificateRecord {
    return this.#parts.store.get(domain) ?? { domain, ...NOTHING };
  }

  failuresOf(domain: string): Failures {
    const { failures, last_attempt, retry_after, is_rate_limited } = this.get(domain);
    const isFailure = last_attempt !== null && !last_attempt.ok;
    return {
      count: failures,
      last_at_ms: isFailure ? Date.parse(last_attempt.at) : null,
      retry_after_ms: retry_after === null ? null : Date.parse(retry_after),
      is_rate_limited,
    };
  }

  /** A certificate was obtained; `verb`: `obtained` or `renewed`. */
  succeeded({ domain, app_name }: Named, fingerprint: string, { verb, not_after }: { verb: string; not_after: string }): void {
    const message = `The certificate of ${domain} was ${verb} and is served; it expires at ${not_after}`;
    const last_attempt = { at: this.#now(), ok: true, message };
    const { told_state } = this.get(domain);
    this.#put({ domain, ...NOTHING, told_state, last_attempt, told_fingerprint: fingerprint });
    this.#tell('certificate.renewed', 'info', message, app_name);
  }

  failed({ domain, app_name }: Named, failure: IssueFailure, at: Date = this.#parts.clock.now()): void {
    const before = this.get(domain);
    const isTold =
      before.last_attempt !== null && !before.last_attempt.ok && isAlike(before.last_attempt.message, failure.message);
    this.#put({
      ...before,
      last_attempt: { at: at.toISOString(), ok: false, message: failure.message },
      failures: before.failures + 1,
      is_rate_limited: failure.is_rate_limited,
      retry_after: failure.retry_after?.toISOString() ?? null,
    });
    const message = `No new certificate of ${domain} could be obtained: ${failure.message}`;
    if (!isTold) this.#tell('certificate.failed', 'warning', message, app_name);
  }

  imported({ domain, app_name }: Named, fingerprint: string, { actor, not_after }: { actor: string; not_after: string }): void {
    this.#put({ domain, ...NOTHING, told_state: this.get(domain).told_state, told_fingerprint: fingerprint });
    this.#tell(
      'certificate.imported',
      'info',
      `A certificate of ${domain} was imported by ${actor}; it expires at ${not_after}`,
      app_name,
    );
  }

  /** Tells of what has changed since the last look. */
  looked({ domain, app_name, state, detail, source, stored }: Certificate): void {
    // A proxy that is just being started is no news of a certificate.
    if (state === 'unreachable') return;
    const record = this.get(domain);
    const fingerprint = stored?.fingerprint ?? null;
    if (record.told_state === state && record.told_fingerprint === fingerprint) return;
    const isNew = stored !== null && fingerprint !== record.told_fingerprint;
    if (isNew && source === 'caddy' && state === 'ok' && this.#isNews(record, stored.not_before)) {
      const verb = record.told_fingerprint === null ? 'obtained' : 'renewed';
      this.succeeded({ domain, app_name }, stored.fingerprint, { verb, not_after: stored.not_after });
    }
    // What was told of stays so for a look that saw nothing.
    this.#put({ ...this.get(domain), told_state: state, told_fingerprint: fingerprint ?? record.told_fingerprint });
    const alert = ALERTS[state];
    if (alert && record.told_state !== state)
      this.#tell(alert.kind, alert.level, `The certificate of ${domain}: ${detail}`, app_name);
  }

  forget(domain: string): void {
    this.#parts.store.remove(domain);
  }

  #isNews({ told_fingerprint }: CertificateRecord, not_before: string): boolean {
    return told_fingerprint !== null || this.#parts.clock.now().getTime() - Date.parse(not_before) < NEW_MS_MAX;
  }

  #put(record: CertificateRecord): void {
    this.#parts.store.put(record);
  }

  #tell(kind: EventKind, level: Level, message: string, app_name: string | null): void {
    this.#parts.publishEvent({ kind, level, message, app_name, operation: null });
  }

  #now(): string {
    return this.#parts.clock.now().toISOString();
  }
}

const NOTHING: Omit<CertificateRecord, 'domain'> = {
  last_attempt: null,
  failures: 0,
  retry_after: null,
  is_rate_limited: false,
  told_state: null,
  told_fingerprint: null,
};

/** Times, addresses and tokens differ from one attempt to the next. */
function isAlike(a: string, b: string): boolean {
  const plain = (text: string) => text.replace(/[\w-]*\d[\w.:-]*/g, '#');
  return plain(a) === plain(b);
}

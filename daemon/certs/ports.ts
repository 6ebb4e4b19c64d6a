/** What certificates need of the machine. `host/` implements it. */
import type { X509Certificate } from 'node:crypto';
import type { Certificate, CertificateState } from '../contract/certificates.ts';
import type { ProxyType } from '../contract/names.ts';
import type { Clock, NewEvent } from '../engine/ports.ts';
import type { RouteModel } from '../engine/state.ts';

/** Both as PEM. */
export interface Pair {
  /** Followed by its intermediates. */
  certificate: string;
  key: string;
}

/** `placeholder`: self-signed, until one is obtained. */
export type PairSource = 'imported' | 'certbot' | 'placeholder';

export interface KeptPair {
  version: string;
  source: PairSource;
  certificate: string;
  /** When it was written. */
  written_at_ms: number;
}

/**
 * Pairs by domain, each as a whole: whoever reads finds the one before or the one after a change, also after a power cut. A domain keeps
 * versions side by side, of which one is in use: that is what its documented names lead to.
 */
export interface PairFiles {
  /** Those that have a version in use. */
  list(): Promise<string[]>;
  /** The one in use; null: none. */
  read(domain: string): Promise<KeptPair | null>;
  /** The newest of a source, in use or not; null: none. */
  newest(domain: string, source: PairSource): Promise<KeptPair | null>;
  /** Adds a version, not in use yet. */
  add(domain: string, source: PairSource, pair: Pair): Promise<KeptPair>;
  /** Makes it the one in use. */
  use(domain: string, version: string): Promise<void>;
  /** Makes a version's key readable for the user of a systemd unit, and for nobody else beside root. */
  giveTo(domain: string, version: string, service: string): Promise<void>;
  /**
   * Removes what is not needed any more: all but the one in use, and the newest that was imported or obtained, so that a route may change from
   * one source to the other. These too, if not in use.
   */
  prune(domain: string, dropped?: readonly string[]): Promise<void>;
  /** Removes all of the domain's. Fine if there is nothing. */
  remove(domain: string): Promise<void>;
}

/** What a TLS handshake with a proxy gave. `absent`: it accepted the connection and had no certificate for the name. */
export type Served =
  | { kind: 'certificate'; der: Buffer }
  | { kind: 'absent'; detail: string }
  | { kind: 'unreachable'; detail: string };

/** Connects to a proxy of this host as a visitor of `domain` does. Never rejects but for an abort. */
export type AskServed = (proxy: ProxyType, domain: string, signal: AbortSignal) => Promise<Served>;

export interface IssueFailure {
  message: string;
  is_rate_limited: boolean;
  /** What the authority says about trying again. */
  retry_after: Date | null;
}

/** Of the Caddy on this host. */
export interface CaddyMachine {
  /** What Caddy's storage has for a name, of every authority; empty where nothing is, or where the storage cannot be found. */
  readStored(domain: string, signal: AbortSignal): Promise<StoredByCaddy[]>;
  /** The running configuration; null: Caddy does not run. */
  readConfig(signal: AbortSignal): Promise<unknown>;
  /** Runs with this one until it is reloaded. Rejects with what Caddy says against it. */
  loadConfig(config: unknown, signal: AbortSignal): Promise<void>;
  /** Lines of its log since then, oldest first; the last of them where there are many. */
  readLog(since: Date, signal: AbortSignal): Promise<string[]>;
}

export interface StoredByCaddy {
  certificate: string;
  certificate_path: string;
  key_path: string;
}

export interface Certbot {
  isInstalled(): Promise<boolean>;
  /**
   * Orders a certificate for exactly this name, however good the one before is. `log`: what it wrote to its log file, in which stands what was
   * answered to it. Rejects only for an abort.
   */
  order(domain: string, signal: AbortSignal): Promise<{ ok: true; pair: Pair } | { ok: false; output: string; log: string }>;
}

/** What certificates need of a proxy's driver. */
export interface ReloadingProxy {
  /** Has it read the certificates' files anew. Throws a DomainError when it does not. */
  reloadCertificates(signal: AbortSignal): Promise<void>;
}

export interface CertificateParts {
  files: PairFiles;
  askServed: AskServed;
  caddy: CaddyMachine;
  certbot: Certbot;
  store: CertificateStore;
  proxies: Record<ProxyType, ReloadingProxy>;
  /** The systemd units. */
  services: Record<ProxyType, string>;
  /** All that are applied. */
  listRoutes(): RouteModel[];
  /** Whether this host trusts whoever issued the certificate. */
  findsIssuer(certificate: X509Certificate): boolean;
  publishEvent(event: Omit<NewEvent, 'ts'>): void;
  clock: Clock;
  warn(details: object, message: string): void;
  /** The daemon stops. */
  stopping: AbortSignal;
}

/** What is kept about a name between two looks and two runs of the daemon. */
export interface CertificateRecord {
  domain: string;
  last_attempt: Certificate['last_attempt'];
  /** Since the last success. */
  failures: number;
  /** RFC 3339. */
  retry_after: string | null;
  is_rate_limited: boolean;
  /** What was told of it last. */
  told_state: CertificateState | null;
  /** Of the certificate that was kept then. */
  told_fingerprint: string | null;
}

/** Throws `unavailable`, having changed nothing, while nothing can be written. */
export interface CertificateStore {
  get(domain: string): CertificateRecord | null;
  put(record: CertificateRecord): void;
  /** Fine if there is none. */
  remove(domain: string): void;
}

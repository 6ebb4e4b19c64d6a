/** One host's connection over time: carries out what the state machine of ssh/reconnect.ts decides, and looks after what hangs on it. */
import { EventEmitter, once } from 'node:events';
import type { DaemonClient } from '../../daemon/api/client.ts';
import { DomainError } from '../../daemon/contract/errors.ts';
import type { Connection, DaemonState } from '../../preload/contract.ts';
import { connectionOf } from './connection-view.ts';
import { DaemonLink } from './daemon-link.ts';
import { LinkError } from './errors.ts';
import type { StoredHost } from './host-store.ts';
import { fingerprint } from './known-hosts/known-hosts.ts';
import type { KnownHostsFile } from './known-hosts/known-hosts-file.ts';
import type { CoreLog } from './log.ts';
import type { SecretStore } from './secret-store.ts';
import type { Semaphore } from './semaphore.ts';
import { openSsh, type SshConnection } from './ssh/connection.ts';
import { type Credentials, KeyCache } from './ssh/credentials.ts';
import { SshError, type SshFailure } from './ssh/failures.ts';
import { nextPhase, type Phase, type PhaseEvent } from './ssh/reconnect.ts';

const TICK_MS = 3_000;
/** While all is well, daemon and latency are looked at every so many ticks. */
const CALM_TICKS = 5;
/** A tick so late means that this machine slept: the connection is tried at once instead of waiting for its keepalive. */
const SLEEP_MS = 20_000;
const AFTER_SLEEP_MS_MAX = 4_000;
/** Each takes 4 ms of computing in which nothing else runs (FACTS, "SSH in Node"); after sleep all hosts come back together. */
const HANDSHAKES_AT_ONCE_MAX = 4;

export interface SessionOptions {
  host: StoredHost;
  knownHosts: KnownHostsFile;
  secrets: SecretStore;
  log: CoreLog;
  /** Shared by all hosts. */
  handshakes: Semaphore;
  onChange(): void;
}

interface Live {
  ssh: SshConnection;
  daemon: DaemonLink;
  ticks: NodeJS.Timeout;
}

export class HostSession {
  readonly #options: SessionOptions;
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #phase: Phase = { kind: 'disconnected' };
  #live: Live | null = null;
  #credentials: Credentials = {};
  #keys = new KeyCache();
  #attempt: { abort: AbortController; ended: Promise<void> } | null = null;
  #retry: NodeJS.Timeout | undefined;
  #latency_ms: number | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get connection(): Connection {
    const { host, knownHosts } = this.#options;
    return connectionOf(this.#phase, { target: host, knownHostsPath: knownHosts.path, latency_ms: this.#latency_ms });
  }

  get daemon(): DaemonState {
    return this.#live?.daemon.state ?? { kind: 'unknown' };
  }

  /** Connects, and resolves when the attempt has ended, whatever its outcome. Credentials given replace those of before. */
  async connect(credentials: Credentials = {}): Promise<void> {
    if (credentials.password !== undefined || credentials.passphrase !== undefined) this.#credentials = credentials;
    this.#apply({ type: 'connect_requested' });
    await this.#attempt?.ended;
  }

  disconnect(): void {
    this.#credentials = {};
    this.#keys = new KeyCache();
    this.#apply({ type: 'disconnect_requested' });
  }

  /** Records the key that was offered, if its fingerprint is `sha256`, and connects. */
  async trust(sha256: string): Promise<void> {
    const failure = this.#phase.kind === 'stopped' ? this.#phase.failure : null;
    if (failure?.kind !== 'key_unknown')
      throw new DomainError('conflict', 'This host waits for no key to be trusted; connect first.');
    if (fingerprint(failure.offered.blob) !== sha256) {
      throw new DomainError('conflict', 'The server has shown another key meanwhile; compare the fingerprint again.');
    }
    await this.#options.knownHosts.append(this.#options.host, failure.offered);
    await this.connect();
  }

  /** The open connection. @throws LinkError `host_unavailable` where there is none */
  ssh(): SshConnection {
    if (this.#live === null) throw this.#unavailable();
    return this.#live.ssh;
  }

  /** @throws LinkError `host_unavailable` without a connection or a daemon */
  client(): DaemonClient {
    const client = this.#live?.daemon.client;
    if (client === null || client === undefined) throw this.#unavailable();
    return client;
  }

  /** Waits through a reconnect for a client. @throws LinkError when the host will not come back by itself, or the signal's reason */
  async waitForClient(signal: AbortSignal): Promise<DaemonClient> {
    for (;;) {
      signal.throwIfAborted();
      const client = this.#live?.daemon.client;
      if (client) return client;
      const isOver = this.#phase.kind === 'disconnected' || this.#phase.kind === 'stopped' || this.daemon.kind === 'absent';
      if (isOver) throw this.#unavailable();
      await once(this.#changes, 'change', { signal });
    }
  }

  /** Opens a new connection in place of this one (a login takes its groups when it begins) and looks for the daemon afresh. */
  async renew(): Promise<void> {
    this.#live?.ssh.close();
    this.#drop('The connection is renewed.');
    clearTimeout(this.#retry);
    this.#apply({ type: 'retry_due' });
    await this.#attempt?.ended;
  }

  /** A second connection to the same host with the same login, for the caller to close. @throws SshError */
  async openSecond(signal: AbortSignal): Promise<SshConnection> {
    this.ssh();
    return this.#dial(signal, await this.#allCredentials());
  }

  /** Reads token and socket again after an installation. */
  async refreshDaemon(): Promise<void> {
    await this.#live?.daemon.refresh();
  }

  #apply(event: PhaseEvent): void {
    const { phase, effect } = nextPhase(this.#phase, event, Date.now(), Math.random());
    const isChanged = phase !== this.#phase;
    this.#phase = phase;
    if (effect.do === 'open') this.#open();
    if (effect.do === 'close') this.#close();
    if (effect.do === 'schedule') {
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#apply({ type: 'retry_due' }), effect.delay_ms);
    }
    if (isChanged) this.#changed();
  }

  #open(): void {
    clearTimeout(this.#retry);
    const abort = new AbortController();
    const ended = this.#try(abort.signal).finally(() => {
      if (this.#attempt?.abort === abort) this.#attempt = null;
    });
    this.#attempt = { abort, ended };
  }

  async #try(signal: AbortSignal): Promise<void> {
    const { host, log } = this.#options;
    try {
      const credentials = await this.#allCredentials();
      this.#goLive(await this.#dial(signal, credentials));
      await this.#keep(credentials);
      const live = this.#live;
      if (live !== null) await Promise.all([live.daemon.check(), this.#measure(live.ssh)]);
    } catch (error) {
      if (signal.aborted) return;
      const failure = failureOf(error);
      log.info('connection attempt failed', {
        host: host.id,
        reason: failure.kind,
        message: error instanceof Error ? error.message : '',
      });
      if (failure.kind === 'credentials_needed') await this.#forget();
      this.#apply({ type: 'attempt_failed', failure });
    }
  }

  async #dial(signal: AbortSignal, credentials: Credentials): Promise<SshConnection> {
    const { host, knownHosts, handshakes } = this.#options;
    const release = await handshakes.acquire(HANDSHAKES_AT_ONCE_MAX, signal);
    try {
      return await openSsh({ ...host, credentials, keys: this.#keys, knownHosts: await knownHosts.read(), signal });
    } finally {
      release();
    }
  }

  async #allCredentials(): Promise<Credentials> {
    return { ...(await this.#options.secrets.load(this.#options.host.id)), ...this.#credentials };
  }

  #goLive(ssh: SshConnection): void {
    const daemon = new DaemonLink(ssh, () => this.#changed());
    this.#live = { ssh, daemon, ticks: this.#startTicks(ssh, daemon) };
    ssh.closed.addEventListener('abort', () => {
      if (this.#live?.ssh === ssh) this.#drop(lossMessage(ssh.closed.reason));
    });
    this.#apply({ type: 'opened' });
  }

  #drop(message: string): void {
    this.#clearLive();
    this.#options.log.info('connection lost', { host: this.#options.host.id, message });
    this.#apply({ type: 'lost', message });
  }

  #close(): void {
    clearTimeout(this.#retry);
    this.#attempt?.abort.abort(new LinkError('closed', 'The connection attempt was given up.'));
    const ssh = this.#live?.ssh;
    this.#clearLive();
    ssh?.close();
  }

  #clearLive(): void {
    const live = this.#live;
    this.#live = null;
    this.#latency_ms = null;
    if (live === null) return;
    clearInterval(live.ticks);
    live.daemon.close();
  }

  /** Measures, looks at the daemon, and notices sleep. */
  #startTicks(ssh: SshConnection, daemon: DaemonLink): NodeJS.Timeout {
    let last_ms = Date.now();
    let count = 0;
    const tick = async () => {
      const isAfterSleep = Date.now() - last_ms > SLEEP_MS;
      last_ms = Date.now();
      if (isAfterSleep) await this.#endUnlessAnswered(ssh);
      const isCalm = daemon.state.kind === 'ready' || daemon.state.kind === 'absent';
      if (isCalm && count++ % CALM_TICKS !== 0) return;
      await this.#measure(ssh);
      if (daemon.state.kind !== 'absent') await daemon.check();
    };
    const run = () => tick().catch((error: unknown) => this.#options.log.warn('looking after a connection failed', { error }));
    return setInterval(() => void run(), TICK_MS).unref();
  }

  /** No answer in time proves nothing: a large upload may be in front of the question. A dead connection is found by SSH's keepalive. */
  async #measure(ssh: SshConnection): Promise<void> {
    const latency_ms = await ssh.measureLatency(ssh.closed).catch(() => null);
    if (this.#live?.ssh !== ssh) return;
    this.#latency_ms = latency_ms === null ? null : Math.round(latency_ms * 10) / 10;
    this.#changed();
  }

  /** Which starts the reconnect. */
  async #endUnlessAnswered(ssh: SshConnection): Promise<void> {
    await ssh.measureLatency(AbortSignal.timeout(AFTER_SLEEP_MS_MAX)).catch(() => ssh.close());
  }

  async #keep(credentials: Credentials): Promise<void> {
    if (credentials.password === undefined && credentials.passphrase === undefined) return;
    this.#credentials = credentials;
    await this.#options.secrets.save(this.#options.host.id, credentials).catch((error: unknown) => {
      this.#options.log.warn('credentials could not be kept', { error });
    });
  }

  async #forget(): Promise<void> {
    this.#credentials = {};
    await this.#options.secrets.forget(this.#options.host.id);
  }

  #changed(): void {
    this.#changes.emit('change');
    this.#options.onChange();
  }

  #unavailable(): LinkError {
    const { name } = this.#options.host;
    const connection = this.connection;
    if (connection.kind === 'connected') {
      const message = 'message' in this.daemon ? this.daemon.message : 'The daemon was not found yet; try again in a moment.';
      return new LinkError('host_unavailable', message);
    }
    const detail = 'message' in connection ? ` ${connection.message}` : '';
    return new LinkError('host_unavailable', `${name} is not connected; connect it first.${detail}`);
  }
}

function failureOf(error: unknown): SshFailure {
  if (error instanceof SshError) return error.failure;
  return { kind: 'failed', message: error instanceof Error ? error.message : 'The connection failed.', isTransient: false };
}

function lossMessage(reason: unknown): string {
  const isSilence = reason instanceof Error && /keepalive/i.test(reason.message);
  return isSilence ? 'The server stopped answering.' : 'The connection was lost.';
}

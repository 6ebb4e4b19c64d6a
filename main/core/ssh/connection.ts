/**
 * One SSH connection: opened with the host key verified before any credential is sent, kept alive, measured, and the door to commands,
 * shells and forwarded sockets. ssh2 stays inside this file and its neighbours.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Client, ClientChannel, ServerHostKeyAlgorithm } from 'ssh2';
import ssh2 from 'ssh2';
import type { HostAuth } from '../../../preload/contract.ts';
import { type HostKey, type HostKeyVerdict, judgeHostKey, keyTypeOf, knownKeyTypes } from '../known-hosts/known-hosts.ts';
import { ChannelStream } from './channel-stream.ts';
import { type AuthAttempt, type Credentials, KeyCache, nextAttempt, prepareAttempts } from './credentials.ts';
import { explainFailure, SshError, type SshTarget } from './failures.ts';
import { quoteCommand } from './quote.ts';

const CONNECT_MS_MAX = 10_000;
const HANDSHAKE_MS_MAX = 20_000;
const CHANNEL_OPEN_MS_MAX = 15_000;
const KEEPALIVE_INTERVAL_MS = 10_000;
const KEEPALIVE_UNANSWERED_MAX = 3;

export interface SshOptions extends SshTarget {
  auth: HostAuth;
  credentials: Credentials;
  /** Shared by the attempts of one host. */
  keys?: KeyCache;
  /** The text of the known_hosts file. */
  knownHosts: string;
  signal: AbortSignal;
}

/**
 * Connects and logs in. Throws {@link SshError} with what happened and its remedy, or the signal's reason. No credential leaves this
 * machine unless the host key is the one recorded for this host.
 */
export async function openSsh(options: SshOptions): Promise<SshConnection> {
  options.signal.throwIfAborted();
  const attempts = await prepareAttempts(options.auth, options.user, options.credentials, options.keys ?? new KeyCache());
  const client = new ssh2.Client();
  const socket = new Socket();
  let verdict: HostKeyVerdict | undefined;
  let offered: HostKey | undefined;
  const verify = (blob: Buffer): boolean => {
    offered = { type: keyTypeOf(blob), blob };
    verdict = judgeHostKey(options.knownHosts, options, offered);
    return verdict.kind === 'known';
  };
  try {
    await connectSocket(socket, options);
    await logIn(client, socket, options, attempts, verify);
  } catch (error) {
    client.end();
    socket.destroy();
    options.signal.throwIfAborted();
    if (verdict !== undefined && offered !== undefined) throwForVerdict(verdict, offered, options);
    if (options.auth.kind === 'password' && options.credentials.password === undefined && isRefusal(error)) {
      const message = `Enter the password of ${options.user} at ${options.address}.`;
      throw new SshError({ kind: 'credentials_needed', what: 'password', message }, error);
    }
    if (error instanceof SshError) throw error;
    throw new SshError(explainFailure(error, options, options.auth.kind, offered !== undefined), error);
  }
  return new SshConnection(client, socket);
}

/** Own socket with `noDelay`: ssh2 leaves Nagle's algorithm on, which costs 40 ms a request (FACTS, "SSH in Node"). */
async function connectSocket(socket: Socket, { address, port, signal }: SshOptions): Promise<void> {
  socket.setNoDelay(true);
  await withDeadline(CONNECT_MS_MAX, signal, 'CONNECT_TIMEOUT', (resolve, reject) => {
    socket.once('error', reject);
    socket.connect({ host: address, port }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

async function logIn(
  client: Client,
  socket: Socket,
  options: SshOptions,
  attempts: AuthAttempt[],
  verify: (blob: Buffer) => boolean,
) {
  const remaining = [...attempts];
  await withDeadline(HANDSHAKE_MS_MAX, options.signal, 'HANDSHAKE_TIMEOUT', (resolve, reject) => {
    // Stays for good: an error event without a listener would end the process.
    client.on('error', reject);
    client.once('close', () => reject(Object.assign(new Error('connection closed'), { code: 'ECONNRESET' })));
    client.once('ready', resolve);
    client.connect({
      sock: socket,
      username: options.user,
      hostVerifier: verify,
      algorithms: { cipher: [...CIPHERS], serverHostKey: hostKeyOrder(options.knownHosts, options) },
      authHandler: (methodsLeft, _partial, next) => {
        // Declared per method; ssh2 takes any of these objects, or false for "no more".
        next(nextAttempt(remaining, methodsLeft as Parameters<typeof nextAttempt>[1]) as Parameters<typeof next>[0]);
      },
      readyTimeout: 0,
      keepaliveInterval: KEEPALIVE_INTERVAL_MS,
      keepaliveCountMax: KEEPALIVE_UNANSWERED_MAX,
    });
  });
}

/** AES-GCM first: in Node two to three times as fast as the others. */
const CIPHERS = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
  'chacha20-poly1305@openssh.com',
] as const;

/** Without `ssh-rsa`: its SHA-1 signatures can be forged. */
const HOST_KEY_ALGORITHMS: ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/** The algorithms of recorded keys first, so that the server shows the key we can compare. */
function hostKeyOrder(knownHosts: string, target: SshTarget): ServerHostKeyAlgorithm[] {
  const known = new Set(knownKeyTypes(knownHosts, target));
  const isKnown = (name: string) => known.has(name.startsWith('rsa-sha2-') ? 'ssh-rsa' : name);
  return [...HOST_KEY_ALGORITHMS.filter(isKnown), ...HOST_KEY_ALGORITHMS.filter((name) => !isKnown(name))];
}

function throwForVerdict(verdict: HostKeyVerdict, offered: HostKey, target: SshTarget): void {
  if (verdict.kind === 'unknown') throw new SshError({ kind: 'key_unknown', offered });
  if (verdict.kind === 'changed') throw new SshError({ kind: 'key_changed', offered, known: verdict.known });
  if (verdict.kind === 'revoked') {
    const message = `The key of ${target.address} is marked as revoked in the known hosts file; do not connect, and ask who runs the server.`;
    throw new SshError({ kind: 'failed', message, isTransient: false });
  }
}

const isRefusal = (error: unknown) => error instanceof Error && 'level' in error && error.level === 'client-authentication';

type OpenChannel = (done: (error: Error | undefined, channel: ClientChannel | undefined) => void) => void;

/** `code` is null when a signal ended it. */
export interface Exit {
  code: number | null;
  signal: string | null;
}

export interface Program {
  channel: ClientChannel;
  /** Null until the server has said how it ended; it never does when the connection is lost. */
  exit(): Exit | null;
}

export class SshConnection {
  readonly #client: Client;
  readonly #closed = new AbortController();

  constructor(client: Client, socket: Socket) {
    this.#client = client;
    let reason: unknown;
    client.on('error', (error) => {
      reason ??= error;
      socket.destroy();
    });
    client.once('close', () => this.#closed.abort(reason ?? new Error('the server closed the connection')));
  }

  /** Aborted when the connection is gone, whoever ended it. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  close(): void {
    this.#client.end();
    // An unreachable server never answers the farewell.
    this.#client.destroy();
  }

  /** Opens a stream to a Unix socket on the server (`direct-streamlocal@openssh.com`). Rejects where the server refuses. */
  async openUnixSocket(path: string, signal: AbortSignal): Promise<Duplex> {
    return new ChannelStream(await this.#openChannel(signal, (done) => this.#client.openssh_forwardOutStreamLocal(path, done)));
  }

  /** Starts a program on the server; its channel carries stdin, stdout, stderr and the exit. Arguments reach it exactly as given. */
  async openCommand(argv: readonly string[], signal: AbortSignal): Promise<Program> {
    const command = quoteCommand(argv);
    return this.#openProgram(signal, (done) => this.#client.exec(command, done));
  }

  /** As {@link openCommand}, with stdin and stdout as one stream. */
  async openCommandStream(argv: readonly string[], signal: AbortSignal): Promise<Duplex> {
    return new ChannelStream((await this.openCommand(argv, signal)).channel);
  }

  async openShell(size: { cols: number; rows: number }, signal: AbortSignal): Promise<Program> {
    const window = { ...size, width: 0, height: 0, term: 'xterm-256color' };
    return this.#openProgram(signal, (done) => this.#client.shell(window, done));
  }

  /**
   * Milliseconds for a question and its answer on the connection. Asks to end a forwarding that was never begun: every server answers
   * that with a refusal, and nothing happens.
   */
  async measureLatency(signal: AbortSignal): Promise<number> {
    const start = performance.now();
    await withDeadline(CHANNEL_OPEN_MS_MAX, AbortSignal.any([signal, this.closed]), 'ETIMEDOUT', (resolve) => {
      this.#client.unforwardIn('127.0.0.1', 1, () => resolve());
    });
    return performance.now() - start;
  }

  async #openProgram(signal: AbortSignal, open: OpenChannel): Promise<Program> {
    let exit: Exit | null = null;
    const channel = await this.#openChannel(signal, (done) =>
      open((error, opened) => {
        // At once: a quick program's exit may be in the same packet as the channel's opening.
        opened?.on('exit', (code: number | null, signalName?: string) => {
          exit = { code, signal: signalName ?? null };
        });
        done(error, opened);
      }),
    );
    return { channel, exit: () => exit };
  }

  async #openChannel(signal: AbortSignal, open: OpenChannel): Promise<ClientChannel> {
    let channel: ClientChannel | undefined;
    let isAbandoned = false;
    try {
      await withDeadline(CHANNEL_OPEN_MS_MAX, AbortSignal.any([signal, this.closed]), 'ETIMEDOUT', (resolve, reject) => {
        open((error, opened) => {
          if (error) return reject(error);
          if (isAbandoned) return opened?.close();
          if (opened === undefined) return reject(new Error('the server opened no channel'));
          channel = opened;
          // ssh2 reports a channel's trouble on the connection too; unheard it would end the process.
          channel.on('error', () => undefined);
          resolve();
        });
      });
    } catch (error) {
      isAbandoned = true;
      channel?.close();
      throw error;
    }
    if (channel === undefined) throw new Error('the server opened no channel');
    return channel;
  }
}

/** Runs a callback-style wait with a deadline (as an error with `code`) and a signal. */
function withDeadline(
  milliseconds: number,
  signal: AbortSignal,
  code: string,
  wait: (resolve: () => void, reject: (error: unknown) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onAbort = () => settle(() => reject(signal.reason));
    const onTimeout = () => settle(() => reject(Object.assign(new Error(`no answer within ${milliseconds} ms`), { code })));
    const timer = setTimeout(onTimeout, milliseconds);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      wait(
        () => settle(() => resolve()),
        (error) => settle(() => reject(error)),
      );
    } catch (error) {
      settle(() => reject(error));
    }
  });
}

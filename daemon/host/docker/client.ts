/**
 * dockerode as the daemon uses it: with a version of the API that both sides speak, a deadline and the caller's signal on every call,
 * answers of bounded length, and errors that an operator can act on.
 */
import { Agent, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import Dockerode from 'dockerode';
import { z } from 'zod';
import { DomainError } from '../../contract/errors.ts';

/** The newest version of the API that this code was written against (Docker 28.5), and the oldest that it works with (20.10). */
const API_VERSION_MAX = '1.51';
const API_VERSION_MIN = '1.40';
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const DEFAULT_DEADLINE_MS = 30_000;
const SOCKETS_MAX = 32;

/** Answers of 400 and above included: their errors are ours to make, with Docker's own words. */
const ALL_STATUS_CODES = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [index + 100, true]));

const versionSchema = z.object({ ApiVersion: z.string(), MinAPIVersion: z.string().optional() });

/** A call of dockerode's; the client puts version, deadline and signal on it. */
export type DockerAction = (docker: Dockerode) => Promise<unknown>;

export interface CallOptions {
  signal: AbortSignal;
  /** For the whole answer. */
  deadlineMs?: number;
}

/** An answer of Docker with a status of 400 or above. */
export class DockerError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** How the answers of a call are taken. */
interface Reception {
  agent: Agent;
  receive: (response: IncomingMessage) => Promise<unknown>;
}

export class DockerClient {
  readonly #socketPath: string;
  readonly #whole: Reception = { agent: new QuietAgent({ keepAlive: true, maxSockets: SOCKETS_MAX }), receive: readJson };
  /** On a connection of its own: it may take hours. */
  readonly #flowing: Reception = { agent: new QuietAgent({ keepAlive: false }), receive: async (response) => response };
  #version: Promise<string> | null = null;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /**
   * What Docker answers, parsed from JSON and not to be trusted before a schema has seen it; undefined when it is empty.
   * Throws {@link DockerError}, `unavailable` when Docker does not answer, or the caller's reason when he went away.
   */
  async call(action: DockerAction, { signal, deadlineMs = DEFAULT_DEADLINE_MS }: CallOptions): Promise<unknown> {
    const deadline = AbortSignal.timeout(deadlineMs);
    try {
      return await this.#run(action, this.#whole, AbortSignal.any([signal, deadline]));
    } catch (error) {
      if (error instanceof DockerError) throw error;
      if (signal.aborted) throw signal.reason;
      throw deadline.aborted ? unreachable('Docker did not answer in time', error) : error;
    }
  }

  /** The same without a deadline, and the answer as it comes. The caller reads it to its end or destroys it; so does the signal. */
  async stream(action: DockerAction, { signal }: { signal: AbortSignal }): Promise<Readable> {
    try {
      const answer = await this.#run(action, this.#flowing, signal);
      if (answer instanceof Readable) return answer;
      throw new TypeError('dockerode gave no stream');
    } catch (error) {
      throw signal.aborted && !(error instanceof DockerError) ? signal.reason : error;
    }
  }

  close(): void {
    this.#whole.agent.destroy();
  }

  async #run(action: DockerAction, reception: Reception, signal: AbortSignal): Promise<unknown> {
    // For all callers at once: none of them may cut it short.
    this.#version ??= this.#negotiate().catch((error: unknown) => {
      this.#version = null;
      throw error;
    });
    const version = await abortable(this.#version, signal);
    try {
      return await action(this.#open(reception, signal, version));
    } catch (error) {
      // Docker was upgraded or downgraded under us.
      if (error instanceof DockerError && error.status === 400 && /client version|API version/i.test(error.message)) {
        this.#version = null;
      }
      throw error;
    }
  }

  async #negotiate(): Promise<string> {
    const deadline = AbortSignal.timeout(DEFAULT_DEADLINE_MS);
    try {
      const answer: unknown = await this.#open(this.#whole, deadline).version();
      return commonVersion(versionSchema.parse(answer));
    } catch (error) {
      throw deadline.aborted ? unreachable('Docker did not answer in time', error) : error;
    }
  }

  /**
   * dockerode for one call. All it does goes through `dial` of its modem, where the answer is taken over: dockerode collects answers without
   * a bound (and whole logs, unless followed), never settles when Docker breaks one off, and hands the signal on in some calls only.
   */
  #open({ agent, receive }: Reception, abortSignal: AbortSignal, version?: string): Dockerode {
    // `host` and `protocol`: DOCKER_HOST in the environment would go before the socket's path.
    const address = { socketPath: this.#socketPath, host: undefined, protocol: 'http', agent, version } as const;
    const docker = new Dockerode(address);
    const dial = docker.modem.dial.bind(docker.modem);
    docker.modem.dial = (options, callback = () => undefined) =>
      dial({ ...options, abortSignal, isStream: true, statusCodes: ALL_STATUS_CODES }, (error, answer) => {
        if (error) return callback(unreachable('Docker does not answer', error), null);
        // A stream was asked for, and no hijacking: it is the response itself.
        refuseErrors(answer as IncomingMessage)
          .then(receive)
          .then((result) => callback(null, result as object))
          // dockerode's callback may throw, too, at what Docker answered.
          .catch((cause: Error) => callback(cause, null));
      });
    return docker;
  }
}

/** docker-modem prints each request's options for its debug log, enabled or not: with the agent's sockets that takes 8 ms a call. */
class QuietAgent extends Agent {
  [inspect.custom](): string {
    return 'Agent';
  }
}

function commonVersion({ ApiVersion, MinAPIVersion }: z.infer<typeof versionSchema>): string {
  const version = isOlder(ApiVersion, API_VERSION_MAX) ? ApiVersion : API_VERSION_MAX;
  if (isOlder(version, API_VERSION_MIN)) {
    throw new DomainError('unavailable', `This Docker speaks API ${version}; NextDeploy needs Docker 20.10 or newer.`);
  }
  if (MinAPIVersion && isOlder(version, MinAPIVersion)) {
    const message = `This Docker needs API ${MinAPIVersion}, newer than this NextDeploy speaks; upgrade it.`;
    throw new DomainError('unavailable', message);
  }
  return `v${version}`;
}

/** `message` without its full stop. */
function unreachable(message: string, cause: unknown): DomainError {
  return new DomainError('unavailable', `${message}; see \`systemctl status docker\`.`, { cause });
}

async function refuseErrors(response: IncomingMessage): Promise<IncomingMessage> {
  const status = response.statusCode ?? 500;
  if (status < 400) return response;
  const text = await readText(response);
  let message = text.trim();
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message;
  } catch {
    // Not JSON: the text is the message.
  }
  throw new DockerError(status, message);
}

async function readJson(response: IncomingMessage): Promise<unknown> {
  const text = await readText(response);
  return text === '' ? undefined : JSON.parse(text);
}

/** What comes of a stream; throws `unavailable` where it ends before its end. */
export async function* unbroken(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* source;
  } catch (cause) {
    throw brokenOff(cause);
  }
}

export function brokenOff(cause: unknown): DomainError {
  return unreachable('Docker broke off its answer', cause);
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of unbroken(response)) {
    size += chunk.length;
    if (size > ANSWER_BYTES_MAX) break;
    chunks.push(chunk);
  }
  if (size > ANSWER_BYTES_MAX) throw new Error('an answer of Docker is too long');
  return Buffer.concat(chunks).toString('utf8');
}

/** What the promise gives, or the signal's reason as soon as it is aborted. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: result, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  return result;
}

/** Compares `1.41` with `1.9` as numbers, part by part. */
export function isOlder(a: string, b: string): boolean {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number);
  return aMajor !== bMajor ? aMajor < bMajor : aMinor < bMinor;
}

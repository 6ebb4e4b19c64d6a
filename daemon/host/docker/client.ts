/**
 * HTTP to the Docker Engine's socket. A hundred lines of `node:http` in place of a client library: those load SSH and gRPC and take
 * 30 MB of resident memory, a third of what the daemon may have.
 */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { DomainError } from '../../contract/errors.ts';

/** The newest version of the API that this code was written against (Docker 28.5), and the oldest that it works with (20.10). */
const API_VERSION_MAX = '1.51';
const API_VERSION_MIN = '1.40';
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const DEFAULT_DEADLINE_MS = 30_000;
const SOCKETS_MAX = 32;

export interface DockerRequest {
  method: 'GET' | 'POST' | 'DELETE';
  /** Without version, such as `/containers/json`. */
  path: string;
  query?: Record<string, string | number | boolean>;
  /** Sent as JSON, or as it comes if it is a stream (a tar archive). */
  body?: object | Readable;
  signal: AbortSignal;
  /** For the whole answer; null: as long as it takes. */
  deadlineMs?: number | null;
}

/** An answer of Docker with a status of 400 or above. */
export class DockerError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class DockerClient {
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  #version: Promise<string> | null = null;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** The parsed answer; undefined when it is empty. Throws {@link DockerError}, or `unavailable` when Docker does not answer. */
  async json(options: DockerRequest): Promise<unknown> {
    const response = await this.#send(options, this.#agent);
    const text = await readText(response);
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  }

  /** The answer as it comes, on a connection of its own. The caller reads it to its end or destroys it. */
  stream(options: DockerRequest): Promise<IncomingMessage> {
    return this.#send({ ...options, deadlineMs: options.deadlineMs ?? null }, undefined);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(options: DockerRequest, agent: Agent | undefined): Promise<IncomingMessage> {
    const version = await this.#negotiated(options.signal);
    const response = await this.#exchange(`/v${version}${options.path}`, options, agent);
    if ((response.statusCode ?? 0) < 400) return response;
    const error = await errorOf(response);
    // Docker was upgraded or downgraded under us.
    if (error.status === 400 && /client version|API version/i.test(error.message)) this.#version = null;
    throw error;
  }

  #negotiated(signal: AbortSignal): Promise<string> {
    this.#version ??= this.#negotiate(signal).catch((error: unknown) => {
      this.#version = null;
      throw error;
    });
    return this.#version;
  }

  async #negotiate(signal: AbortSignal): Promise<string> {
    const response = await this.#exchange('/version', { method: 'GET', path: '/version', signal }, this.#agent);
    if (response.statusCode !== 200) throw await errorOf(response);
    const answer = JSON.parse(await readText(response)) as { ApiVersion: string; MinAPIVersion?: string };
    const version = isOlder(answer.ApiVersion, API_VERSION_MAX) ? answer.ApiVersion : API_VERSION_MAX;
    if (isOlder(version, API_VERSION_MIN)) {
      throw new DomainError('unavailable', `This Docker speaks API ${version}; NextDeploy needs Docker 20.10 or newer.`);
    }
    if (answer.MinAPIVersion && isOlder(version, answer.MinAPIVersion)) {
      throw new DomainError(
        'unavailable',
        `This Docker needs API ${answer.MinAPIVersion}, newer than this NextDeploy speaks; upgrade it.`,
      );
    }
    return version;
  }

  #exchange(path: string, options: DockerRequest, agent: Agent | undefined): Promise<IncomingMessage> {
    const { method, query, body, deadlineMs = DEFAULT_DEADLINE_MS } = options;
    const deadline = deadlineMs === null ? null : AbortSignal.timeout(deadlineMs);
    const signal = deadline ? AbortSignal.any([options.signal, deadline]) : options.signal;
    const search = query ? `?${new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)]))}` : '';
    const isStream = body !== undefined && 'pipe' in body;
    const payload = body !== undefined && !isStream ? JSON.stringify(body) : undefined;
    const headers = {
      host: 'docker',
      ...(payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
      ...(isStream ? { 'content-type': 'application/x-tar' } : {}),
    };
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        socketPath: this.#socketPath,
        path: path + search,
        method,
        headers,
        agent: agent ?? false,
        signal,
      });
      request.on('response', resolve);
      request.on('error', (cause) =>
        reject(options.signal.aborted ? options.signal.reason : unreachable(cause, deadline?.aborted === true)),
      );
      if (isStream) {
        body.on('error', (cause) => request.destroy(cause));
        body.pipe(request);
      } else request.end(payload);
    });
  }
}

function unreachable(cause: Error, isTimeout: boolean): DomainError {
  const message = isTimeout ? 'Docker did not answer in time' : 'Docker does not answer';
  return new DomainError('unavailable', `${message}; see \`systemctl status docker\`.`, { cause });
}

async function errorOf(response: IncomingMessage): Promise<DockerError> {
  const text = await readText(response);
  let message = text.trim();
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message;
  } catch {
    // Not JSON: the text is the message.
  }
  return new DockerError(response.statusCode ?? 500, message);
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ANSWER_BYTES_MAX) throw new Error('an answer of Docker is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Compares `1.41` with `1.9` as numbers, part by part. */
export function isOlder(a: string, b: string): boolean {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number);
  return aMajor !== bMajor ? aMajor < bMajor : aMinor < bMinor;
}

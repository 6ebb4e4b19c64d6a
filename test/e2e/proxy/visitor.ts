/** Visitors of a site behind a proxy. */
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { request as requestSecurely } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';

export interface Visit {
  base: string;
  host: string;
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** By https: the name that is asked for before the request, if another than the host. */
  servername?: string;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  /** Fingerprint of what the site showed, over https. */
  certificate: string | null;
}

/** Whom the certificates are from is not what is tested; whose they are is seen by their fingerprint. */
const secured = ({ host, servername = host.replace(/:\d+$/, '') }: Visit) => ({ servername, rejectUnauthorized: false });

function begin(visitor: Visit, onResponse: (response: IncomingMessage) => void): ClientRequest {
  const { base, host, path = '/', method = 'GET', headers = {} } = visitor;
  // Not by URL: it would take dots out of the path.
  const { hostname, port, protocol } = new URL(base);
  const options = { hostname, port, path, method, headers: { ...headers, host }, agent: false };
  return protocol === 'https:' ? requestSecurely({ ...options, ...secured(visitor) }, onResponse) : request(options, onResponse);
}

/** One request on a connection of its own. Rejects when the connection is cut. */
export function visit(visitor: Visit): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = begin(visitor, (response) => {
      const chunks: Buffer[] = [];
      const certificate = 'getPeerX509Certificate' in response.socket ? fingerprint(response.socket as TLSSocket) : null;
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, body: Buffer.concat(chunks).toString('utf8'), certificate });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(visitor.body);
  });
}

function fingerprint(socket: TLSSocket): string | null {
  return socket.getPeerX509Certificate()?.fingerprint256 ?? null;
}

/** A request whose body has an end only when `finish` is called. */
export function beginUpload(visitor: Visit): { send(text: string): void; finish(): Promise<Answer> } {
  const answered = Promise.withResolvers<Answer>();
  const outgoing = begin({ ...visitor, method: 'POST' }, (response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => (body += chunk));
    response.on('error', answered.reject);
    response.on('end', () =>
      answered.resolve({ status: response.statusCode ?? 0, headers: response.headers, body, certificate: null }),
    );
  });
  outgoing.on('error', answered.reject);
  return {
    send: (text) => void outgoing.write(text),
    finish: () => {
      outgoing.end();
      return answered.promise;
    },
  };
}

/** Reads on until the end; `pieces` grows meanwhile. */
export function beginReading(visitor: Visit): { pieces: string[]; version: Promise<string>; ended: Promise<number> } {
  const pieces: string[] = [];
  const version = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<number>();
  const outgoing = begin(visitor, (response) => {
    let bytes = 0;
    version.resolve(String(response.headers['x-version']));
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      pieces.push(chunk.toString('latin1'));
    });
    response.on('error', ended.reject);
    response.on('end', () => ended.resolve(bytes));
  });
  outgoing.on('error', (error) => {
    version.reject(error);
    ended.reject(error);
  });
  outgoing.end();
  ended.promise.catch(() => undefined);
  version.promise.catch(() => undefined);
  return { pieces, version: version.promise, ended: ended.promise };
}

export class Socket {
  readonly #socket: WebSocket;
  readonly #received: string[] = [];
  #isClosed = false;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#received.push(String(data)));
    socket.on('close', () => (this.#isClosed = true));
    socket.on('error', () => (this.#isClosed = true));
  }

  static open(visitor: Visit): Promise<Socket> {
    const { base, host, path = '/ws', headers = {} } = visitor;
    const socket = new WebSocket(base.replace(/^http/, 'ws') + path, { headers: { ...headers, host }, ...secured(visitor) });
    const opened = new Socket(socket);
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(opened));
      socket.once('error', reject);
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether what is sent now comes back. */
  async echoes(text: string): Promise<boolean> {
    if (this.isClosed) return false;
    this.#socket.send(text);
    const deadline = Date.now() + 5_000;
    while (!this.isClosed && Date.now() < deadline) {
      if (this.#received.some((line) => line.includes(text))) return true;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return false;
  }

  close(): void {
    this.#socket.close();
  }
}

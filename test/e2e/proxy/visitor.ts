/** Visitors of a site behind a proxy. */
import { type IncomingHttpHeaders, request } from 'node:http';
import { WebSocket } from 'ws';

export interface Visit {
  base: string;
  host: string;
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One request on a connection of its own. Rejects when the connection is cut. */
export function visit({ base, host, path = '/', method = 'GET', headers = {}, body }: Visit): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // Not by URL: it would take dots out of the path.
    const { hostname, port } = new URL(base);
    const options = { hostname, port, path, method, headers: { ...headers, host }, agent: false };
    const outgoing = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status = 0 } = response;
        resolve({ status, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** A request whose body has an end only when `finish` is called. */
export function beginUpload(visitor: Visit): { send(text: string): void; finish(): Promise<Answer> } {
  const { hostname, port } = new URL(visitor.base);
  const { host, path = '/', headers = {} } = visitor;
  const answered = Promise.withResolvers<Answer>();
  const options = { hostname, port, path, method: 'POST', headers: { ...headers, host }, agent: false };
  const outgoing = request(options, (response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => (body += chunk));
    response.on('error', answered.reject);
    response.on('end', () => answered.resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
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
  const { hostname, port } = new URL(visitor.base);
  const { host, path = '/' } = visitor;
  const pieces: string[] = [];
  const version = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<number>();
  const outgoing = request({ hostname, port, path, headers: { host }, agent: false }, (response) => {
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

  static open({ base, host, path = '/ws' }: Visit): Promise<Socket> {
    const socket = new WebSocket(base.replace(/^http/, 'ws') + path, { headers: { host } });
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

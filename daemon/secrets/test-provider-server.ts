/** A server on loopback that stands for a provider of secrets, and can be told to fail as servers do. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LIMITS } from '../contract/limits.ts';

export interface Request {
  method: string;
  url: URL;
  headers: IncomingMessage['headers'];
  body: string;
}
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body: string;
}
/** In place of the next answer. `silent`: none ever; `endless`: a body beyond all bounds; `dropped`: the connection. */
export type Failure = Answer | 'silent' | 'endless' | 'dropped';

export interface ProviderServer extends AsyncDisposable {
  endpoint: string;
  requests: Request[];
  /** Of the next requests, in their order. */
  failures: Failure[];
  /** Requests whose caller has hung up before an answer. */
  abandoned: () => number;
}

export async function startProviderServer(answer: (request: Request) => Answer): Promise<ProviderServer> {
  const requests: Request[] = [];
  const failures: Failure[] = [];
  let abandoned = 0;
  const server = createServer((incoming, response) => {
    response.on('close', () => {
      if (!response.writableEnded) abandoned += 1;
    });
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url = '/', headers } = incoming;
      const request = { method, url: new URL(url, 'http://localhost'), headers, body: Buffer.concat(chunks).toString() };
      requests.push(request);
      send(response, failures.shift() ?? answer(request));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // bound to an address and port
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    failures,
    abandoned: () => abandoned,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(response: ServerResponse, answer: Failure): void {
  if (answer === 'silent') return;
  if (answer === 'dropped') {
    response.destroy();
    return;
  }
  if (answer === 'endless') {
    const chunk = Buffer.alloc(256 * 1024, 'x');
    let left = LIMITS.provider_answer_bytes_max + 10 * chunk.length;
    const more = () => {
      while (left > 0 && !response.destroyed) {
        left -= chunk.length;
        if (!response.write(chunk)) return response.once('drain', more);
      }
      return response.end();
    };
    more();
    return;
  }
  response.writeHead(answer.status, answer.headers).end(answer.body);
}

/** Requests as a hostile caller sends them: every header and byte as given, nothing corrected on the way. */
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { ErrorResponse } from '../contract/errors.ts';
import { TEST_TOKEN } from './test-server.ts';

export interface RawRequest {
  method: string;
  path: string;
  /** Null leaves a header out that is sent by default. */
  headers?: Record<string, string | string[] | null>;
  body?: string | Buffer | undefined;
  /** Sends the body in pieces without saying its length. */
  chunked?: boolean;
}

export interface RawReply {
  status: number;
  headers: IncomingHttpHeaders;
  json: unknown;
}

export type Target = { socketPath: string } | { port: number };

export function send(target: Target, { method, path, headers = {}, body, chunked = false }: RawRequest): Promise<RawReply> {
  const defaults: Record<string, string> = {
    Host: 'localhost',
    Authorization: `Bearer ${TEST_TOKEN}`,
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(body === undefined || chunked ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...(chunked ? { 'Transfer-Encoding': 'chunked' } : {}),
  };
  const all = Object.entries({ ...defaults, ...headers }).filter(
    (entry): entry is [string, string | string[]] => entry[1] !== null,
  );
  return new Promise((resolve, reject) => {
    const options = { method, path, headers: Object.fromEntries(all), setHost: false, agent: false as const };
    const request = httpRequest('port' in target ? { ...options, host: '127.0.0.1', ...target } : { ...options, ...target });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += String(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        request.destroy();
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          json: isJson(response) ? JSON.parse(text) : text,
        });
      });
    });
    if (chunked && body !== undefined) request.write(body);
    else request.end(body);
    if (chunked) request.end();
  });
}

const isJson = ({ headers }: IncomingMessage) => headers['content-type']?.startsWith('application/json') === true;

/** Bytes as they are; resolves with everything that came back when the server closes. */
export function sendBytes(target: Target, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = 'port' in target ? connect(target.port, '127.0.0.1') : connect(target.socketPath);
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', reject).on('close', () => resolve(text));
    socket.write(bytes);
  });
}

/** The fields that a refusal names, each once. */
export function fieldsOf(reply: RawReply): string[] {
  const details = (reply.json as ErrorResponse).payload.details;
  return Array.isArray(details) ? [...new Set(details.map((each: { field: string }) => each.field))] : [];
}

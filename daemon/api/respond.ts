import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ERROR_CODES, toErrorResponse } from '../contract/errors.ts';
import { API_VERSION } from '../contract/limits.ts';
import type { Log } from './log.ts';

export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

/** Of a download: `body` is what the audit log is told. */
export interface DownloadAnswer extends Answer {
  download: AsyncIterable<Uint8Array>;
  media_type: string;
}

const COMMON_HEADERS = {
  'X-NextDeploy-Api': String(API_VERSION),
  'Content-Type': 'application/json; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
};

/** The error model's answer for any thrown value. A `status` overrides the code's own where HTTP has a finer one. */
export function errorAnswer(error: unknown, headers?: Record<string, string>, status?: number): Answer {
  const body = toErrorResponse(error);
  const { code } = body.payload;
  // A connection is kept for those that may use it.
  const all = { ...(code === 'unauthorized' ? { Connection: 'close' } : {}), ...headers };
  return { status: status ?? ERROR_CODES[code].http_status, body, headers: all };
}

/**
 * Sends an answer; one to a caller that is gone is dropped. With `keep open` it is complete for the caller, and the
 * returned function ends the exchange (it may be called more than once).
 */
export function send(response: ServerResponse, answer: Answer, ending: 'end' | 'keep open' = 'end'): () => void {
  if (response.headersSent || response.destroyed) return () => undefined;
  const body = Buffer.from(JSON.stringify(answer.body));
  response.writeHead(answer.status, { ...COMMON_HEADERS, 'Content-Length': body.length, ...answer.headers });
  response.write(body);
  const end = () => {
    if (!response.writableEnded) response.end();
  };
  if (ending === 'end') end();
  return end;
}

/**
 * Sends a download at the pace of whoever takes it. Resolves when it is sent, or cut off: its source failed, which is logged, or the caller is
 * gone or takes nothing for too long.
 */
export async function sendDownload(
  response: ServerResponse,
  { status, download, media_type }: DownloadAnswer,
  idle_ms: number,
  log: Log,
): Promise<void> {
  response.setTimeout(idle_ms, () => response.destroy());
  response.writeHead(status, { ...COMMON_HEADERS, 'Content-Type': media_type, 'Content-Disposition': 'attachment' });
  try {
    await pipeline(download, response);
  } catch (err) {
    // The length is not told before, so a connection that is cut is what says that it is not whole.
    if (!response.destroyed) response.destroy();
    log.warn({ err }, 'a download was cut off');
  }
}

/** Sends an answer where there is no response object: a refused upgrade, or a request that could not be parsed. Then closes. */
export function sendRaw(socket: Duplex, answer: Answer): void {
  if (!socket.writable || socket.destroyed) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(answer.body);
  const headers = { ...COMMON_HEADERS, 'Content-Length': Buffer.byteLength(body), Connection: 'close', ...answer.headers };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.once('finish', () => socket.destroy());
  socket.end([`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}`, ...head, '', body].join('\r\n'));
}

/** What a visitor may have open while an app is swapped. Each checks all that it gets, and says what was missing. */
import { Agent, type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { AgentRequest } from './protocol.ts';

export type Entry = AgentRequest<'streams'>['entry'];

export interface OpenStream {
  /** Resolves when the app is at work on it. */
  begun: Promise<void>;
  /** Rejects with what was cut. */
  ended: Promise<void>;
}

const INTERVAL_MS = 100;
const DOWNLOAD_BYTES = 50_000_000;
const UPLOAD_PIECE_BYTES = 32 * 1024;
/** Longer than anything here pauses. */
const SILENCE_MS_MAX = 30_000;
/** Of the fixture: the byte at offset i of a download is i % 251. */
const PERIOD = 251;
const PATTERN = Buffer.from(Uint8Array.from({ length: 1024 * PERIOD }, (_, index) => index % PERIOD));

/** Server-sent events for so long: all of them, in order, from one release, and an orderly end. */
export function openEvents(entry: Entry, length_ms: number): OpenStream {
  const count = Math.ceil(length_ms / INTERVAL_MS);
  const path = `/events?count=${count}&interval_ms=${INTERVAL_MS}`;
  return openDownstream(entry, path, () => {
    let text = '';
    return {
      take: (chunk) => (text += chunk.toString('utf8')),
      check: (version) => {
        const wanted = Array.from({ length: count }, (_, index) => `id: ${index + 1}\ndata: ${version}\n\n`).join('');
        if (text !== wanted) throw new Error(`events came incomplete: ${text.length} of ${wanted.length} characters`);
      },
    };
  });
}

/** A download of 50 MB that takes so long: each byte. */
export function openDownload(entry: Entry, length_ms: number): OpenStream {
  const path = `/download?bytes=${DOWNLOAD_BYTES}&rate=${Math.ceil((DOWNLOAD_BYTES / length_ms) * 1000)}`;
  return openDownstream(entry, path, () => {
    let taken = 0;
    let broken: number | undefined;
    return {
      take: (chunk) => {
        if (!isPattern(chunk, taken)) broken ??= taken;
        taken += chunk.length;
      },
      check: () => {
        if (broken !== undefined) throw new Error(`a download was wrong after ${broken} bytes`);
        if (taken !== DOWNLOAD_BYTES) throw new Error(`a download ended after ${taken} of ${DOWNLOAD_BYTES} bytes`);
      },
    };
  });
}

function isPattern(chunk: Buffer, offset: number): boolean {
  for (let done = 0; done < chunk.length; ) {
    const start = (offset + done) % PERIOD;
    const length = Math.min(chunk.length - done, PATTERN.length - start);
    if (chunk.compare(PATTERN, start, start + length, done, done + length) !== 0) return false;
    done += length;
  }
  return true;
}

interface Receiver {
  take(chunk: Buffer): void;
  /** Throws when what was taken is not everything. */
  check(version: string): void;
}

function openDownstream(entry: Entry, path: string, receive: () => Receiver): OpenStream {
  const begun = Promise.withResolvers<void>();
  const body = async () => {
    const receiver = receive();
    const response = await answerOf(ask(entry, { path }).end());
    for await (const chunk of response) {
      receiver.take(chunk);
      begun.resolve();
    }
    receiver.check(String(response.headers['x-version']));
  };
  return stream(begun, body());
}

/** A WebSocket that gets back what it says, until `end` resolves and it is closed from here. */
export function openWebSocket(entry: Entry, end: Promise<void>): OpenStream {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const { address, port, host } = entry;
  const socket = new WebSocket(`ws://${address}:${port}/ws`, { headers: { host } });
  let [said, heard, isClosing] = [0, 0, false];
  const say = setInterval(() => {
    if (socket.readyState !== WebSocket.OPEN || isClosing) return;
    said += 1;
    socket.send(String(said));
  }, INTERVAL_MS);
  socket.on('message', (data) => {
    heard += 1;
    if (String(data) !== String(heard)) ended.reject(new Error(`a WebSocket got ${String(data)} for ${heard}`));
    begun.resolve();
  });
  socket.on('error', (error) => ended.reject(new Error(`a WebSocket broke: ${error.message}`)));
  socket.on('close', (code) => {
    if (!isClosing) return ended.reject(new Error(`a WebSocket was closed with ${code}`));
    if (heard < said) return ended.reject(new Error(`a WebSocket got ${heard} of ${said} echoes`));
    ended.resolve();
  });
  void end.then(async () => {
    isClosing = true;
    const deadline = performance.now() + SILENCE_MS_MAX;
    while (heard < said && socket.readyState === WebSocket.OPEN && performance.now() < deadline) await delay(INTERVAL_MS);
    socket.close();
  });
  return stream(
    begun,
    ended.promise.finally(() => clearInterval(say)),
  );
}

/** A body that takes so long to send. */
export function openUpload(entry: Entry, id: string, length_ms: number): OpenStream {
  const begun = Promise.withResolvers<void>();
  const body = async () => {
    const pieces = Math.ceil(length_ms / INTERVAL_MS);
    const bytes = pieces * UPLOAD_PIECE_BYTES;
    const outgoing = ask(entry, { path: `/posts?id=${id}`, method: 'POST', headers: { 'content-length': bytes } });
    const answered = answerOf(outgoing);
    answered.catch(() => undefined);
    for (let piece = 0; piece < pieces && !outgoing.destroyed; piece += 1) {
      outgoing.write(Buffer.alloc(UPLOAD_PIECE_BYTES, piece));
      await delay(INTERVAL_MS);
      // By then the first piece is on its way; the app answers only at the end.
      if (piece === 1) begun.resolve();
    }
    outgoing.end();
    await expectPosted(await answered, bytes);
  };
  return stream(begun, body());
}

/** A short POST, over connections that are kept. */
export async function post(entry: Entry, id: string, bytes: number, agent: Agent): Promise<void> {
  const outgoing = ask(entry, { path: `/posts?id=${id}`, method: 'POST', headers: { 'content-length': bytes }, agent });
  outgoing.end(Buffer.alloc(bytes, 1));
  await expectPosted(await answerOf(outgoing), bytes);
}

export function keptConnections(count: number): Agent {
  return new Agent({ keepAlive: true, maxSockets: count });
}

async function expectPosted(response: IncomingMessage, bytes: number): Promise<void> {
  let text = '';
  for await (const chunk of response) text += String(chunk);
  const answer: unknown = JSON.parse(text);
  if (typeof answer !== 'object' || answer === null || !('bytes' in answer) || answer.bytes !== bytes)
    throw new Error(`a POST of ${bytes} bytes was answered with ${text.slice(0, 200)}`);
}

function ask(
  { address, port, host }: Entry,
  { path, method = 'GET', headers = {}, agent }: { path: string; method?: string; headers?: OutgoingHttpHeaders; agent?: Agent },
): ClientRequest {
  const outgoing = request({ host: address, port, path, method, headers: { ...headers, host }, agent: agent ?? false });
  return outgoing.setTimeout(SILENCE_MS_MAX, () => outgoing.destroy(new Error(`${path}: silence for ${SILENCE_MS_MAX} ms`)));
}

function answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', (response) => {
      if (response.statusCode === 200) return resolve(response);
      outgoing.destroy();
      reject(new Error(`${outgoing.method} ${outgoing.path} was answered with ${response.statusCode}`));
    });
    outgoing.on('error', reject);
  });
}

function stream(begun: PromiseWithResolvers<void>, body: Promise<void>): OpenStream {
  body.catch((error: unknown) => begun.reject(error));
  begun.promise.catch(() => undefined);
  return { begun: begun.promise, ended: body };
}

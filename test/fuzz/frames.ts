/** WebSockets: handshakes that are nearly right, and frames of every kind (RFC 6455 §5.2). Pure. */
import { type StreamName, streams } from '../../daemon/contract/streams.ts';
import { type CallerName, placeholderOf, type Step } from './case.ts';
import { TEXTS } from './hostile.ts';
import type { Random } from './random.ts';
import { percentEncoded } from './requests.ts';
import { validValue } from './values.ts';

export const STREAM_NAMES = Object.keys(streams) as StreamName[];
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

export interface StreamDraft {
  steps: Step[];
  is_on_target: boolean;
}

export function streamDraft(name: StreamName, caller: CallerName, random: Random): StreamDraft {
  const isOdd = random.chance(0.4);
  const { text, is_on_target } = handshake(name, caller, random, isOdd);
  // Some do not wait until they are let in.
  const waits: Step[] = random.chance(0.8) ? [{ await: 'answer' }] : [];
  const frames = Array.from({ length: 1 + random.below(4) }, () => ({ send: random.pick(FRAMES)(random) }));
  const last = random.pick<Step[]>([[], [], [{ leave: true }], [{ end: true }], [{ send: frame(CLOSE, '\x03\xe8') }]]);
  return { steps: [{ send: text }, ...waits, ...frames, ...last], is_on_target };
}

function handshake(
  name: StreamName,
  caller: CallerName,
  random: Random,
  isOdd: boolean,
): { text: string; is_on_target: boolean } {
  const { path, params, query } = streams[name];
  const values = validValue(params, random) as Record<string, string>;
  const asked = Object.entries(validValue(query, random) as Record<string, unknown>).map(
    ([key, value]) => `${key}=${percentEncoded(String(value))}`,
  );
  const filled = path.replace(/:([a-z]+)/g, (_, key: string) => percentEncoded(String(values[key])));
  const headers = new Map([
    ['Host', 'localhost'],
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Version', '13'],
    ['Sec-WebSocket-Key', KEY],
  ]);
  if (caller !== 'none') headers.set('Authorization', `Bearer ${placeholderOf(caller)}`);
  let method = 'GET';
  let target = asked.length === 0 ? filled : `${filled}?${asked.join('&')}`;
  let isOnTarget = true;
  if (isOdd) {
    const odd = random.pick(ODD_HEADERS);
    if (random.chance(0.6)) headers.set(...odd);
    else if (random.chance(0.3)) method = random.pick(['POST', 'PUT', 'HEAD', 'CONNECT']);
    else
      target = random.pick([
        `${filled}?${random.pick(['tail=-1', 'tail=1e9', 'after=x', '__proto__=1', 'grep=%00', `grep=${'a'.repeat(300)}`, 'follow=maybe', 'since=x'])}`,
        `/ws/logs/${percentEncoded(random.pick(TEXTS).slice(0, 3_000))}`,
        '/ws/',
        '/ws/nothing',
        '/apps',
        '/health',
        '//ws/events',
      ]);
    isOnTarget = false;
  }
  const lines = [...headers].map(([key, value]) => `${key}: ${value}`);
  return { text: `${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, is_on_target: isOnTarget };
}

const ODD_HEADERS: readonly [string, string][] = [
  ['Sec-WebSocket-Version', '8'],
  ['Sec-WebSocket-Version', '99999999999999999999'],
  ['Sec-WebSocket-Key', 'short'],
  ['Sec-WebSocket-Key', ''],
  ['Sec-WebSocket-Key', 'x'.repeat(5_000)],
  ['Sec-WebSocket-Extensions', 'permessage-deflate; client_max_window_bits=99999'],
  ['Sec-WebSocket-Extensions', ';;;=,,,'],
  ['Sec-WebSocket-Protocol', 'chat, superchat, ,'],
  ['Sec-WebSocket-Protocol', '__proto__'],
  ['Upgrade', 'WebSocket, h2c'],
  ['Upgrade', 'WEBSOCKET'],
  ['Connection', 'keep-alive'],
  ['Connection', 'keep-alive, Upgrade'],
  ['Origin', 'http://evil.example'],
  ['Host', 'evil.example'],
  ['Content-Length', '20'],
  ['Transfer-Encoding', 'chunked'],
  ['Expect', '100-continue'],
];

// Frames ----------------------------------------------------------------------------------------------------------

const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];

interface FrameOptions {
  isFinal?: boolean;
  /** RSV1 to RSV3 as a number. */
  reserved?: number;
  isMasked?: boolean;
  /** Said in place of the true one; how it is encoded follows from it, or from `form`. */
  length?: number;
  form?: 7 | 16 | 64;
}

/** One frame, in Latin-1. Masked with zeros, so that its payload can be read in a printed case. */
function frame(opcode: number, payload: string, options: FrameOptions = {}): string {
  const { isFinal = true, reserved = 0, isMasked = true, length = payload.length } = options;
  const form = options.form ?? (length < 126 ? 7 : length < 65_536 ? 16 : 64);
  const first = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode;
  const mask = isMasked ? 0x80 : 0;
  const head = Buffer.alloc(form === 7 ? 2 : form === 16 ? 4 : 10);
  head[0] = first;
  head[1] = mask | (form === 7 ? length & 0x7f : form === 16 ? 126 : 127);
  if (form === 16) head.writeUInt16BE(length & 0xffff, 2);
  if (form === 64) head.writeBigUInt64BE(BigInt(length), 2);
  return `${head.toString('latin1')}${isMasked ? '\0\0\0\0' : ''}${payload}`;
}

const closePayload = (code: number) => String.fromCharCode(code >> 8, code & 0xff);

const FRAMES: readonly ((random: Random) => string)[] = [
  (random) => frame(TEXT, random.pick(['hello', '', '{"a":1}', '\xff\xfe\xfd', '\xed\xa0\x80', '\xc0\xaf'])),
  (random) => frame(BINARY, random.bytes(random.below(200)).toString('latin1')),
  (random) => frame(TEXT, 'x', { isMasked: false, isFinal: random.chance(0.5) }),
  (random) => frame(random.pick([TEXT, PING, CLOSE]), 'x', { reserved: 1 + random.below(7) }),
  (random) => frame(random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), 'x'),
  () => frame(CONTINUATION, 'from nowhere'),
  () => frame(TEXT, 'a', { isFinal: false }) + frame(CONTINUATION, 'b', { isFinal: false }) + frame(CONTINUATION, 'c'),
  () => frame(TEXT, 'a', { isFinal: false }) + frame(TEXT, 'b'),
  () => frame(TEXT, 'a', { isFinal: false }) + frame(PING, 'p') + frame(CONTINUATION, 'b'),
  (random) => frame(TEXT, '', { isFinal: false }) + frame(CONTINUATION, '', { isFinal: false }).repeat(random.pick([10, 2_000])),
  (random) => frame(random.pick([TEXT, BINARY]), 'x'.repeat(random.pick([4_095, 4_096, 4_097, 70_000]))),
  (random) => frame(TEXT, 'x', { length: random.pick([4_000, 65_535, 2 ** 31, 2 ** 53 - 1]), form: 64 }),
  () => frame(TEXT, 'xxxxx', { form: 64 }),
  () => frame(TEXT, 'xxxxx', { form: 16 }),
  () => frame(PING, 'x'.repeat(126)),
  () => frame(PING, 'x', { isFinal: false }),
  (random) => frame(PING, 'ping').repeat(random.pick([1, 100, 3_000])),
  (random) => frame(PONG, 'unasked').repeat(random.pick([1, 1_000])),
  (random) =>
    frame(CLOSE, closePayload(random.pick([0, 999, 1000, 1004, 1005, 1006, 1015, 1016, 2999, 3000, 4401, 5000, 65_535]))),
  () => frame(CLOSE, '\x03'),
  () => frame(CLOSE, `${closePayload(1000)}\xff\xfe`),
  () => frame(CLOSE, `${closePayload(1000)}${'x'.repeat(124)}`),
  () => frame(CLOSE, '') + frame(TEXT, 'after the close'),
  (random) => random.bytes(1 + random.below(100)).toString('latin1'),
  () => 'GET /apps HTTP/1.1\r\nHost: localhost\r\n\r\n',
  () => frame(TEXT, 'hello').slice(0, 3),
];

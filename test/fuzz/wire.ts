/** Bytes that are nearly HTTP, or not at all: framing that lies, requests cut short, slow, many at once. Pure. */
import type { CallerName, Step } from './case.ts';
import { TEXTS } from './hostile.ts';
import type { Random } from './random.ts';
import { type Draft, draftOf, ROUTE_NAMES, written } from './requests.ts';

/** What is sent in place of a request that is as it should be. */
export function wireSteps(draft: Draft, caller: CallerName, random: Random): Step[] {
  return random.pick(MUTATIONS)(draft, caller, random);
}

type Mutation = (draft: Draft, caller: CallerName, random: Random) => Step[];

const MUTATIONS: readonly Mutation[] = [
  flipBytes,
  flipBytes,
  cutShort,
  cutShort,
  lieAboutLength,
  breakChunks,
  breakHeaders,
  breakHeaders,
  breakRequestLine,
  pipeline,
  pipeline,
  dribble,
  otherProtocol,
  (_draft, _caller, random) => [{ send: random.bytes(1 + random.below(3_000)).toString('latin1') }],
];

/** Random bytes, but at no place where a token or id stands. */
function flipBytes(draft: Draft, _caller: CallerName, random: Random): Step[] {
  const text = written(draft);
  const bytes = [...text];
  for (let count = 1 + random.below(4); count > 0; count -= 1) {
    const at = random.below(bytes.length);
    const changed = random.pick([
      [],
      [String.fromCharCode(random.below(256))],
      [bytes[at] ?? '', bytes[at] ?? ''],
      ['\0'],
      ['\r\n'],
      ['\n'],
    ]);
    bytes.splice(at, 1, ...changed);
  }
  return [{ send: bytes.join('') }];
}

/** Half-open: the rest never comes, and the caller stays, ends its half, or is gone. */
function cutShort(draft: Draft, _caller: CallerName, random: Random): Step[] {
  const text = written(draft, { framing: random.pick(['length', 'chunked']) });
  const send = text.slice(0, 1 + random.below(text.length - 1));
  return random.pick<Step[]>([
    [{ send }],
    [{ send }, { end: true }],
    [{ send }, { leave: true }],
    [{ send }, { pause_ms: 20 }, { send: '\r\n\r\n' }],
  ]);
}

const LENGTHS = [
  '-1',
  '+5',
  '0x5',
  '5, 5',
  '5, 6',
  '1e1',
  ' 5 ',
  '',
  '99999999999999999999',
  '4294967296',
  '1048577',
  '5\u00a0',
  Buffer.from('٥').toString('latin1'),
  '0',
  '3',
];

function lieAboutLength(draft: Draft, _caller: CallerName, random: Random): Step[] {
  const text = written({ ...draft, body: draft.body ?? Buffer.from('{}') });
  const added = random.pick([
    () => `Content-Length: ${random.pick(LENGTHS)}`,
    () => `Content-Length: ${random.pick(LENGTHS)}\r\nTransfer-Encoding: chunked`,
    () => 'Transfer-Encoding: chunked',
    () =>
      `Transfer-Encoding: ${random.pick(['gzip, chunked', 'chunked, identity', 'xchunked', 'chunked\r\nTransfer-Encoding: identity', ' chunked', 'CHUNKED', 'chun\tked', '"chunked"'])}`,
    () => `Content-Length : ${random.pick(LENGTHS)}`,
  ])();
  const keepsOwn = random.chance(0.5);
  return [{ send: text.replace(/Content-Length: \d+/, (own) => (keepsOwn ? `${own}\r\n${added}` : added)) }];
}

function breakChunks(draft: Draft, _caller: CallerName, random: Random): Step[] {
  const [head = '', body = ''] = halves(written({ ...draft, body: draft.body ?? Buffer.from('{}') }, { framing: 'chunked' }));
  const broken = random.pick([
    () => body.slice(0, random.below(body.length)),
    () =>
      body.replace(/^[0-9a-f]+/, () =>
        random.pick(['-1', 'fffffffffffffffff', '0x5', '', 'g', '7fffffff', '00000000000000000005', ' 5']),
      ),
    () => body.replace(/^([0-9a-f]+)/, `$1;${'x'.repeat(random.pick([1, 100, 20_000]))}=y`),
    () =>
      body.replace(
        /0\r\n\r\n$/,
        `0\r\n${random.pick(['Content-Length: 5', 'X-Trailer: a', 'Authorization: Bearer x', 'x'.repeat(20_000), ':'])}\r\n\r\n`,
      ),
    () => body.replaceAll('\r\n', '\n'),
    () => '1\r\nx\r\n'.repeat(random.pick([10, 3_000])),
    () => '0\r\n\r\n0\r\n\r\n',
  ])();
  return random.chance(0.5) ? [{ send: head + broken }] : [{ send: head }, { pause_ms: 5 }, { send: broken }, { end: true }];
}

const HEADER_LINES: readonly string[] = [
  ...[
    'NoColon',
    ': no name',
    'A B: c',
    'X-Nul: a\0b',
    'X-Control: a\x01b',
    'X-High: \xff\xfe',
    ' folded: x',
    'X-Fold: a\r\n b',
    'X-Fold: a\r\n\tb',
    'X-Cr: a\rb',
    'X-Lf: a\nb',
    'X-Del: \x7f',
  ],
  ...[
    'X-Injected: a\r\nX-Second: b',
    'X-Injected: a\r\n\r\nGET /apps HTTP/1.1\r\nHost: localhost',
    'Host: evil.example',
    'Host: localhost',
    'Host:',
    'Authorization: Bearer x',
  ],
  ...[
    '__proto__: x',
    'constructor: x',
    'Content-Type: text/plain',
    'Connection: close, keep-alive, upgrade',
    'Expect: 100-continue',
    'Expect: nonsense',
    'TE: trailers',
    'Origin: http://evil.example',
  ],
  ...[
    'Upgrade: websocket\r\nConnection: Upgrade',
    'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
    'Transfer-Encoding: chunked',
    'Content-Length: 5',
  ],
  ...[
    `X-Large: ${'x'.repeat(17_000)}`,
    `X-Larger: ${'x'.repeat(200_000)}`,
    `${'X'.repeat(17_000)}: x`,
    Array.from({ length: 70 }, (_, index) => `X-${index}: x`).join('\r\n'),
  ],
  ...[
    Array.from({ length: 3_000 }, (_, index) => `X-${index}: x`).join('\r\n'),
    'Idempotency-Key: a\r\nIdempotency-Key: b',
    'Keep-Alive: timeout=-1, max=0',
  ],
];

function breakHeaders(draft: Draft, _caller: CallerName, random: Random): Step[] {
  const [head = '', body = ''] = halves(written(draft));
  const lines = head.trimEnd().split('\r\n');
  const line = random.pick([
    () => random.pick(HEADER_LINES),
    () => `X-Text: ${Buffer.from(random.pick(TEXTS)).toString('latin1')}`,
  ])();
  const at = 1 + random.below(lines.length);
  const ending = random.pick(['\r\n', '\r\n', '\r\n', '\n', '\r']);
  return [{ send: `${lines.toSpliced(at, 0, line).join(ending)}${ending}${ending}${body}` }];
}

function breakRequestLine(draft: Draft, _caller: CallerName, random: Random): Step[] {
  const text = written(draft);
  const end = text.indexOf('\r\n');
  const target = draft.path;
  const line = random.pick([
    () => `${draft.method}  ${target} HTTP/1.1`,
    () => `${draft.method} ${target} HTTP/${random.pick(['1.0', '0.9', '2.0', '1.1.1', '1.10', '9.9', 'x', ''])}`,
    () => `${draft.method} ${target}`,
    () => `${draft.method} ${target}?${'a'.repeat(random.pick([10_000, 16_300, 40_000]))} HTTP/1.1`,
    () => `${draft.method} ${Buffer.from(random.pick(TEXTS)).toString('latin1')} HTTP/1.1`,
    () => `${draft.method} /${Buffer.from(random.pick(TEXTS)).toString('latin1')} HTTP/1.1`,
    () => `CONNECT 127.0.0.1:22 HTTP/1.1`,
    () => 'OPTIONS * HTTP/1.1',
    () => `get ${target} HTTP/1.1`,
    () => `${random.bytes(8).toString('latin1')} ${target} HTTP/1.1`,
    () => `${'A'.repeat(5_000)} ${target} HTTP/1.1`,
    () => `${draft.method} ${target}#fragment HTTP/1.1`,
    () => `\r\n\r\n\r\n${draft.method} ${target} HTTP/1.1`,
    () => `${draft.method}\t${target}\tHTTP/1.1`,
    () => `${draft.method} http://user:pass@evil.example:1${target} HTTP/1.1`,
  ])();
  return [{ send: `${line}${text.slice(end)}` }];
}

/** One after the other on a connection without waiting: kept open, closed in between, or broken by one of them. */
function pipeline(draft: Draft, caller: CallerName, random: Random): Step[] {
  const count = random.pick([2, 3, 10, 40]);
  const others = Array.from({ length: count }, () => {
    const next = draftOf(random.pick(ROUTE_NAMES), caller, random);
    return written(next, {
      connection: random.chance(0.95) ? 'keep-alive' : 'close',
      framing: random.pick(['length', 'chunked']),
    });
  });
  const first = written(draft, { connection: 'keep-alive' });
  const broken = random.chance(0.2) ? [random.bytes(20).toString('latin1')] : [];
  return [{ send: [first, ...others, ...broken].join('') }, ...(random.chance(0.3) ? [{ leave: true } as const] : [])];
}

/** In small pieces with pauses: slow, but whole or not. */
function dribble(draft: Draft, _caller: CallerName, random: Random): Step[] {
  const text = written(draft, { framing: random.pick(['length', 'chunked']) });
  const steps: Step[] = [];
  for (let at = 0, count = 0; at < text.length; count += 1) {
    const size = count < 12 ? 1 + random.below(60) : text.length;
    steps.push({ send: text.slice(at, at + size) }, { pause_ms: random.below(4) });
    at += size;
  }
  return steps;
}

const OTHERS: readonly string[] = [
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\0\xff\xff',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  '\x05\x01\x00',
  'SSH-2.0-OpenSSH_9.2\r\n',
  'HELO localhost\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  '*1\r\n$4\r\nPING\r\n',
  '\r\n'.repeat(5_000),
  '\0'.repeat(5_000),
  'GET',
  ' ',
];
function otherProtocol(_draft: Draft, _caller: CallerName, random: Random): Step[] {
  return [{ send: random.pick(OTHERS) }];
}

function halves(text: string): [head: string, body: string] {
  const end = text.indexOf('\r\n\r\n') + 4;
  return [text.slice(0, end), text.slice(end)];
}

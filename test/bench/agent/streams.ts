/** Counts what swaps cut, lose or send twice of that which is open meanwhile. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { daemonClient } from './cold.ts';
import { keptConnections, type OpenStream, openDownload, openEvents, openUpload, openWebSocket, post } from './open-streams.ts';
import { firstAnswer } from './poll.ts';
import { type AgentAnswer, type AgentRequest, STREAM_KINDS, type StreamKind, type StreamsRun } from './protocol.ts';

const POST_INTERVAL_MS = 50;
const POST_BYTES_MAX = 20_000;
const POST_CONNECTIONS = 8;
/** WebSockets stay for so long after the switch. */
const AFTER_SWITCH_MS = 1000;
const SWITCH_MS_MAX = 60_000;
/** How long a stream is open: at least so long, and well beyond the time that the last swap took to switch. */
const STREAM_MS = { min: 4000, first: 6000, times: 2, more: 2000 };
const PROBLEMS_MAX = 10;

export async function measureStreams(request: AgentRequest<'streams'>, signal: AbortSignal): Promise<AgentAnswer<'streams'>> {
  const client = daemonClient(request.daemon);
  await client.call('getVersion', { signal });
  const tally = new Tally();
  const posting = new AbortController();
  const posts = postUntil(posting.signal, request, tally);
  let length_ms = STREAM_MS.first;
  try {
    for (const [index, image] of request.images.entries()) {
      signal.throwIfAborted();
      const switched = Promise.withResolvers<void>();
      const left = switched.promise.then(() => delay(AFTER_SWITCH_MS));
      left.catch(() => undefined);
      const streams = openAll(request, { index, length_ms, left }, tally);
      await Promise.all(streams.map(({ begun }) => begun.catch(() => undefined)));
      const ended = streams.map(({ ended }) => ended);
      const start = performance.now();
      const operation = client.call('swap', { body: { app_name: request.app, image }, query: { wait: '1' }, signal });
      operation.catch(() => undefined);
      const version = request.versions[index] ?? '';
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(SWITCH_MS_MAX)]);
      // A failed swap never answers.
      await Promise.race([firstAnswer({ ...request.entry, version }, deadline), operation]);
      tally.countSwitch();
      length_ms = Math.max(STREAM_MS.min, (performance.now() - start) * STREAM_MS.times + STREAM_MS.more);
      switched.resolve();
      await operation;
      await Promise.all(ended);
    }
  } finally {
    posting.abort();
    await posts;
  }
  return tally.result(await readFile(request.posts_file, 'utf8'));
}

function openAll(
  { app, entry }: AgentRequest<'streams'>,
  { index, length_ms, left }: { index: number; length_ms: number; left: Promise<void> },
  tally: Tally,
): OpenStream[] {
  const opened: [StreamKind, OpenStream][] = [
    ['events', openEvents(entry, length_ms)],
    ['events', openEvents(entry, length_ms)],
    ['websocket', openWebSocket(entry, left)],
    ['websocket', openWebSocket(entry, left)],
    ['download', openDownload(entry, length_ms)],
  ];
  const upload = `${app}-slow-${index}`;
  const { begun, ended } = openUpload(entry, upload, length_ms);
  return [
    ...opened.map(([kind, one]) => ({ begun: one.begun, ended: tally.follow(kind, one.ended) })),
    { begun, ended: tally.followBody('upload', upload, ended) },
  ];
}

/** Short POSTs at a steady pace, whatever is happening. */
async function postUntil(ending: AbortSignal, { app, entry }: AgentRequest<'streams'>, tally: Tally): Promise<void> {
  const agent = keptConnections(POST_CONNECTIONS);
  const open: Promise<void>[] = [];
  for (let count = 0; !ending.aborted; count += 1) {
    const id = `${app}-${count}`;
    open.push(tally.followBody('post', id, post(entry, id, 1 + ((count * 997) % POST_BYTES_MAX), agent)));
    await delay(POST_INTERVAL_MS, undefined, { signal: ending }).catch(() => undefined);
  }
  await Promise.all(open);
  agent.destroy();
}

class Tally {
  readonly #kinds = Object.fromEntries(
    STREAM_KINDS.map((kind) => [kind, { opened: 0, spanning: 0, cut: 0 }]),
    // Object.fromEntries loses which keys there are.
  ) as StreamsRun['kinds'];
  /** True: answered as received. */
  readonly #bodies = new Map<string, boolean>();
  readonly #problems: string[] = [];
  #switches = 0;

  countSwitch(): void {
    this.#switches += 1;
  }

  /** Never rejects. */
  async followBody(kind: 'post' | 'upload', id: string, ended: Promise<void>): Promise<void> {
    this.#bodies.set(id, false);
    await this.follow(
      kind,
      ended.then(() => void this.#bodies.set(id, true)),
    );
  }

  /** Never rejects. */
  async follow(kind: StreamKind, ended: Promise<void>): Promise<void> {
    const count = this.#kinds[kind];
    count.opened += 1;
    const before = this.#switches;
    try {
      await ended;
      if (this.#switches > before) count.spanning += 1;
    } catch (error) {
      count.cut += 1;
      this.#tell(error instanceof Error ? error.message : String(error));
    }
  }

  /** `posts` has a line for each body that the app has read to its end. */
  result(posts: string): StreamsRun {
    const times = new Map<string, number>();
    for (const line of posts.split('\n').filter((text) => text !== '')) {
      const id = line.split(' ', 1)[0] ?? '';
      times.set(id, (times.get(id) ?? 0) + 1);
    }
    let [lost, repeated] = [0, 0];
    for (const [id, isAnswered] of this.#bodies) {
      const count = times.get(id) ?? 0;
      if (count === 0 && isAnswered) lost += 1;
      if (count > 1) repeated += 1;
      if (count > 1 || (count === 0 && isAnswered)) this.#tell(`the body ${id} reached the app ${count} times`);
    }
    return { kinds: this.#kinds, lost, repeated, problems: this.#problems };
  }

  #tell(problem: string): void {
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push(problem);
  }
}

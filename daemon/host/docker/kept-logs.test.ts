import { describe, expect, it } from 'vitest';
import type { ContainerLine, LogSource, ReadLogsOptions } from '../../stream/logs.ts';
import { KEPT_LOGS, KeptLogs } from './kept-logs.ts';

const container = (id: string) => ({ container_id: id, release: 'r1', slot: 'blue' as const });
const line = (number: number, log = `line ${number}`): ContainerLine => ({
  ts: `2026-01-01T00:00:00.${String(number).padStart(9, '0')}Z`,
  stream: 'stdout',
  log,
});

function sourceOf(lines: ContainerLine[], failure?: Error): LogSource {
  return {
    async *readLogs(_id: string, { tail }: ReadLogsOptions) {
      yield* tail === undefined ? lines : lines.slice(-tail);
      if (failure !== undefined) throw failure;
    },
  };
}

const never = new AbortController().signal;
async function read(logs: KeptLogs, id: string, options: Partial<ReadLogsOptions> = {}): Promise<string[]> {
  const lines: string[] = [];
  for await (const { log } of logs.readLogs(id, { follow: false, signal: never, ...options })) lines.push(log);
  return lines;
}

describe('KeptLogs', () => {
  it('gives the lines of a container that is gone, from a cursor or from the end', async () => {
    const lines = [line(1), line(2), line(3)];
    const logs = new KeptLogs(sourceOf(lines));
    await logs.keep('shop', container('a'), never);
    lines.length = 0; // Docker has removed it
    expect(logs.listContainers('shop')).toEqual([container('a')]);
    expect(await read(logs, 'a')).toEqual(['line 1', 'line 2', 'line 3']);
    expect(await read(logs, 'a', { since: line(1).ts })).toEqual(['line 2', 'line 3']);
    expect(await read(logs, 'a', { tail: 1 })).toEqual(['line 3']);
    expect(await read(logs, 'a', { tail: 0 })).toEqual([]);
  });

  it('reads a container that is still there from Docker', async () => {
    expect(await read(new KeptLogs(sourceOf([line(1)])), 'a')).toEqual(['line 1']);
  });

  it('keeps what it could read when Docker breaks off, and does not fail', async () => {
    const logs = new KeptLogs(sourceOf([line(1)], new Error('broken')));
    await logs.keep('shop', container('a'), never);
    expect(await read(logs, 'a')).toEqual(['line 1']);
  });

  it('forgets an app’s lines with the app, and others stay', async () => {
    const logs = new KeptLogs(sourceOf([line(1)]));
    await logs.keep('shop', container('a'), never);
    await logs.keep('blog', container('b'), never);
    logs.forget('shop');
    expect(logs.listContainers('shop')).toEqual([]);
    expect(logs.listContainers('blog')).toEqual([container('b')]);
  });

  it('is bounded in containers, lines and characters', async () => {
    const long = 'x'.repeat(KEPT_LOGS.characters_max / 4);
    const logs = new KeptLogs(sourceOf(Array.from({ length: 10 }, (_, number) => line(number, long))));
    for (let number = 0; number <= KEPT_LOGS.containers_max; number += 1) await logs.keep('shop', container(`c${number}`), never);
    expect(logs.listContainers('shop')).toHaveLength(KEPT_LOGS.containers_max);
    expect(logs.listContainers('shop')[0]).toEqual(container('c1'));
    expect(await read(logs, 'c5')).toHaveLength(4);
  });
});

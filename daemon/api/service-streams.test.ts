import { describe, expect, it } from 'vitest';
import type { DaemonEvent } from '../contract/domain.ts';
import { Store } from '../host/store.ts';
import { Hub } from '../stream/hub.ts';
import { AppChanges, followEvents } from './service-streams.ts';

function start() {
  const store = new Store(':memory:');
  const hub = new Hub<DaemonEvent>();
  const stop = new AbortController();
  const tell = (message: string) =>
    hub.publish(store.appendEvent({ ts: '', kind: 'app.changed', level: 'info', message, app_name: null, operation: null }));
  const follow = (after?: number) => followEvents(store, hub, after, stop.signal);
  return { store, hub, stop, tell, follow };
}

async function take(stream: AsyncGenerator<DaemonEvent | { dropped: number }>, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) {
    const { value, done } = await stream.next();
    if (done) break;
    taken.push('dropped' in value ? `dropped ${value.dropped}` : value.message);
  }
  return taken;
}

describe('followEvents', () => {
  it('gives what came after a number and then what comes, each once and in order', async () => {
    const { tell, follow } = start();
    for (const message of ['1', '2', '3']) tell(message);
    const stream = follow(1);
    expect(await take(stream, 1)).toEqual(['2']);
    tell('4');
    expect(await take(stream, 2)).toEqual(['3', '4']);
    tell('5');
    expect(await take(stream, 1)).toEqual(['5']);
  });

  it('begins with now when it is not told where', async () => {
    const { tell, follow, stop } = start();
    tell('before');
    const stream = follow();
    const next = take(stream, 1);
    await Promise.resolve();
    tell('after');
    expect(await next).toEqual(['after']);
    stop.abort();
    expect(await take(stream, 1)).toEqual([]);
  });

  it('loses nothing when its reader is slower than its buffer', async () => {
    const { tell, follow } = start();
    const stream = follow(0);
    tell('0');
    expect(await take(stream, 1)).toEqual(['0']);
    const many = Array.from({ length: 5_000 }, (_, index) => String(index + 1));
    for (const message of many) tell(message);
    expect(await take(stream, many.length)).toEqual(many);
  });

  it('says how many events are no longer kept', async () => {
    const { tell, follow } = start();
    for (let index = 1; index <= 10_240; index += 1) tell(String(index));
    expect(await take(follow(0), 2)).toEqual(['dropped 240', '241']);
  });

  it('passes over events that were overtaken, for those who did not see them in time', async () => {
    const { store, hub, tell, follow } = start();
    tell('begun');
    const live = follow(0);
    expect(await take(live, 1)).toEqual(['begun']);
    const progress = (message: string, overtaken: number | null) => {
      const event = { ts: '', kind: 'operation.progress', level: 'info', message, app_name: null, operation: null } as const;
      const kept = store.appendEvent(event, overtaken);
      hub.publish(kept);
      return kept.seq;
    };
    const first = progress('1 of 3', null);
    expect(await take(live, 1)).toEqual(['1 of 3']);
    progress('3 of 3', progress('2 of 3', first));
    tell('ended');
    expect(await take(live, 2)).toEqual(['3 of 3', 'ended']);
    expect(await take(follow(0), 3)).toEqual(['begun', '3 of 3', 'ended']);
    expect(await take(follow(first), 2)).toEqual(['3 of 3', 'ended']);
  });

  it('starts from what there is when the number is from another database', async () => {
    const { tell, follow } = start();
    tell('1');
    const stream = follow(1_000_000);
    const next = take(stream, 1);
    await Promise.resolve();
    tell('2');
    expect(await next).toEqual(['2']);
  });
});

describe('AppChanges', () => {
  it('tells those who listen to the app, until they stop', () => {
    const changes = new AppChanges();
    const told: string[] = [];
    const stop = changes.listen('shop', () => told.push('shop'));
    changes.listen('blog', () => told.push('blog'));
    changes.tell('shop');
    stop();
    changes.tell('shop');
    changes.tell('nobody');
    expect(told).toEqual(['shop']);
  });
});

import { describe, expect, it } from 'vitest';
import { Hub } from './hub.ts';

const take = async <T>(source: AsyncIterator<T>, count: number): Promise<T[]> => {
  const taken: T[] = [];
  while (taken.length < count) taken.push((await source.next()).value);
  return taken;
};

describe('a hub', () => {
  it('gives every subscriber every message, in order, from the moment it subscribed', async () => {
    const hub = new Hub<number>();
    const { signal } = new AbortController();
    const first = hub.subscribe({ signal });
    hub.publish(1);
    const second = hub.subscribe({ signal });
    hub.publish(2);
    expect(await take(first, 2)).toEqual([1, 2]);
    expect(await take(second, 1)).toEqual([2]);
  });

  it('wakes a subscriber that waits', async () => {
    const hub = new Hub<string>();
    const subscription = hub.subscribe({ signal: new AbortController().signal });
    const next = subscription.next();
    hub.publish('late');
    expect(await next).toEqual({ done: false, value: 'late' });
  });

  it('drops the oldest for a slow one and says how many, while others lose nothing', async () => {
    const hub = new Hub<number>();
    const { signal } = new AbortController();
    const slow = hub.subscribe({ signal, buffer_max: 3 });
    const quick = hub.subscribe({ signal, buffer_max: 100 });
    for (let message = 1; message <= 10; message += 1) hub.publish(message);
    expect(await take(slow, 4)).toEqual([{ dropped: 7 }, 8, 9, 10]);
    expect(await take(quick, 10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    hub.publish(11);
    expect(await take(slow, 1)).toEqual([11]);
  });

  it('forgets a subscriber whose signal is aborted or whose loop is left', async () => {
    const hub = new Hub<number>();
    const abort = new AbortController();
    const pending = hub.subscribe({ signal: abort.signal }).next();
    abort.abort();
    expect(await pending).toEqual({ done: true, value: undefined });
    const left = hub.subscribe({ signal: new AbortController().signal });
    hub.publish(1);
    for await (const _ of left) break;
    expect(hub.subscriberCount).toBe(0);
    expect(await hub.subscribe({ signal: abort.signal }).next()).toMatchObject({ done: true });
  });

  it('keeps only the bound in memory over many messages', async () => {
    const hub = new Hub<number>();
    const subscription = hub.subscribe({ signal: new AbortController().signal, buffer_max: 5 });
    for (let message = 0; message < 100_000; message += 1) hub.publish(message);
    expect(await take(subscription, 6)).toEqual([{ dropped: 99_995 }, 99_995, 99_996, 99_997, 99_998, 99_999]);
  });
});

import { describe, expect, it, vi } from 'vitest';
import { DomainError } from '../../daemon/contract/errors.ts';
import type { DownFrame, Host } from '../../preload/contract.ts';
import { LinkError } from './errors.ts';
import { type CallHandlers, type ChannelHandlers, LINK_BOUNDS, type LinkHandlers, serveLink } from './link.ts';

const host: Host = {
  id: 'h-1',
  name: 'one',
  address: '127.0.0.1',
  port: 22,
  user: 'me',
  auth: { kind: 'agent' },
  production: false,
  connection: { kind: 'disconnected' },
  daemon: { kind: 'unknown' },
};

/** Handlers of which each test sets the few it needs; the others fail the test's expectation by their error. */
function startLink(some: { calls?: Partial<CallHandlers>; channels?: Partial<ChannelHandlers> }) {
  const frames: DownFrame[] = [];
  const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const missing = new Proxy({}, { get: () => () => Promise.reject(new Error('not part of this test')) });
  const handlers = {
    calls: { ...new Proxy(missing, {}), ...some.calls },
    channels: { ...some.channels },
  } as unknown as LinkHandlers;
  let receive: (frame: unknown) => void = () => undefined;
  let close = () => {};
  const state = { buffered: 0 };
  serveLink(
    {
      post: (frame) => frames.push(frame),
      onFrame: (listener) => {
        receive = listener;
      },
      onClose: (listener) => {
        close = listener;
      },
      bufferedBytes: () => state.buffered,
    },
    handlers,
    log,
  );
  return { frames, log, state, send: (frame: unknown) => receive(frame), close: () => close() };
}

const settle = () => vi.waitFor(() => undefined).then(() => new Promise((resolve) => setImmediate(resolve)));

describe('calls over the link', () => {
  it('answers with the parsed output', async () => {
    const link = startLink({ calls: { 'hosts.list': async () => [host] } });
    link.send({ t: 'call', id: 1, name: 'hosts.list' });
    await settle();
    expect(link.frames).toEqual([{ t: 'result', id: 1, value: [host] }]);
  });

  it('refuses input that does not match, naming the field, without calling the handler', async () => {
    const add = vi.fn();
    const link = startLink({ calls: { 'hosts.add': add } });
    link.send({ t: 'call', id: 1, name: 'hosts.add', input: { name: '', address: 'a b', user: 'me', auth: { kind: 'agent' } } });
    await settle();
    expect(link.frames[0]).toMatchObject({
      t: 'error',
      id: 1,
      error: { code: 'invalid_request', details: [{ field: 'name' }, { field: 'address' }] },
    });
    expect(add).not.toHaveBeenCalled();
  });

  it('answers a malformed frame whose id can be read, unless another waits under that id', async () => {
    const link = startLink({ calls: { 'hosts.list': () => new Promise(() => undefined) } });
    link.send({ t: 'call', id: 1, name: 'hosts.list' });
    link.send({ t: 'call', id: 1, name: 7 });
    link.send({ t: 'call', id: 2, name: 7 });
    link.send({ t: 'open', id: 3, name: 'hosts.watch', more: true });
    link.send({ t: 'call', id: -1, name: 'hosts.list' });
    link.send({ t: 'send', id: 4, more: true });
    await settle();
    expect(link.frames).toMatchObject([
      { t: 'error', id: 2, error: { code: 'invalid_request' } },
      { t: 'end', id: 3, error: { code: 'invalid_request' } },
    ]);
  });

  it.each(['nothing', 'constructor', '__proto__', 'toString'])('refuses the unknown name %s', async (name) => {
    const link = startLink({});
    link.send({ t: 'call', id: 1, name });
    link.send({ t: 'open', id: 2, name });
    await settle();
    expect(link.frames).toMatchObject([
      { t: 'error', id: 1, error: { code: 'invalid_request' } },
      { t: 'end', id: 2, error: { code: 'invalid_request' } },
    ]);
  });

  it('hands on domain errors whole and unexpected ones without their text', async () => {
    const failures: unknown[] = [
      new DomainError('conflict', 'busy', { operation_id: 'op-12345678', details: { a: 1 } }),
      new LinkError('host_unavailable', 'not connected'),
      new Error('secret inside'),
    ];
    const link = startLink({ calls: { 'hosts.list': () => Promise.reject(failures.shift()) } });
    for (const id of [1, 2, 3]) link.send({ t: 'call', id, name: 'hosts.list' });
    await settle();
    expect(link.frames).toMatchObject([
      { error: { code: 'conflict', message: 'busy', operation_id: 'op-12345678', details: { a: 1 } } },
      { error: { code: 'host_unavailable' } },
      { error: { code: 'internal' } },
    ]);
    expect(JSON.stringify(link.frames)).not.toContain('secret');
    expect(link.log.error).toHaveBeenCalledOnce();
  });

  it('does not let an output out that breaks the contract', async () => {
    const link = startLink({ calls: { 'hosts.list': async () => [{ ...host, port: 'x' }] as never } });
    link.send({ t: 'call', id: 1, name: 'hosts.list' });
    await settle();
    expect(link.frames).toMatchObject([{ t: 'error', error: { code: 'internal' } }]);
  });

  it('drops malformed frames and lives on', async () => {
    const link = startLink({ calls: { 'hosts.list': async () => [] } });
    for (const bad of [
      null,
      7,
      'x',
      [],
      {},
      { t: 'call' },
      { t: 'call', id: -1, name: 'hosts.list' },
      { t: 'send', id: 1, more: 1 },
    ])
      link.send(bad);
    link.send({ t: 'call', id: 5, name: 'hosts.list' });
    await settle();
    expect(link.frames).toEqual([{ t: 'result', id: 5, value: [] }]);
  });

  it('bounds the calls in flight', async () => {
    const link = startLink({ calls: { 'hosts.list': () => new Promise(() => undefined) } });
    for (let id = 0; id <= LINK_BOUNDS.calls_max; id++) link.send({ t: 'call', id, name: 'hosts.list' });
    await settle();
    expect(link.frames).toMatchObject([{ t: 'error', id: LINK_BOUNDS.calls_max, error: { code: 'rate_limited' } }]);
  });

  it('aborts what runs when the link closes, and posts nothing more', async () => {
    let signal: AbortSignal | undefined;
    const link = startLink({
      calls: {
        'hosts.list': (_input, given) => {
          signal = given;
          return new Promise((_resolve, reject) => given.addEventListener('abort', () => reject(given.reason)));
        },
      },
    });
    link.send({ t: 'call', id: 1, name: 'hosts.list' });
    link.close();
    await settle();
    expect(signal?.aborted).toBe(true);
    expect(link.frames).toEqual([]);
  });
});

describe('streams over the link', () => {
  it('carries messages both ways and ends', async () => {
    const got: unknown[] = [];
    const link = startLink({
      channels: {
        terminal: async (_input, context) => {
          await new Promise<void>((resolve) => {
            context.onMessage((message) => {
              got.push(message);
              resolve();
            });
          });
          await context.send({ kind: 'output', data: 'aGk=' });
        },
      },
    });
    link.send({ t: 'open', id: 3, name: 'terminal', input: { host: 'h-1', cols: 80, rows: 24 } });
    link.send({ t: 'send', id: 3, message: { kind: 'nonsense' } });
    link.send({ t: 'send', id: 3, message: { kind: 'input', data: 'bHM=' } });
    await settle();
    expect(got).toEqual([{ kind: 'input', data: 'bHM=' }]);
    expect(link.frames).toEqual([
      { t: 'data', id: 3, message: { kind: 'output', data: 'aGk=' } },
      { t: 'end', id: 3 },
    ]);
  });

  it('ends with the error of its handler', async () => {
    const link = startLink({ channels: { 'hosts.watch': () => Promise.reject(new DomainError('not_found', 'gone')) } });
    link.send({ t: 'open', id: 1, name: 'hosts.watch' });
    await settle();
    expect(link.frames).toEqual([{ t: 'end', id: 1, error: { code: 'not_found', message: 'gone' } }]);
  });

  it('waits for a link that does not take what was sent', async () => {
    let sent = 0;
    const link = startLink({
      channels: {
        'hosts.watch': async (_input, { send }) => {
          for (; sent < 5; sent++) await send([]);
        },
      },
    });
    link.state.buffered = LINK_BOUNDS.buffered_bytes_high + 1;
    link.send({ t: 'open', id: 1, name: 'hosts.watch' });
    await settle();
    expect(sent).toBe(0);
    expect(link.frames).toHaveLength(1);
    link.state.buffered = 0;
    await vi.waitFor(() => expect(link.frames.at(-1)).toEqual({ t: 'end', id: 1 }));
    expect(sent).toBe(5);
  });

  it('aborts a closed channel, is silent about it, and lets its id be used again', async () => {
    const signals: AbortSignal[] = [];
    const link = startLink({
      channels: {
        'hosts.watch': (_input, { signal }) => {
          signals.push(signal);
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        },
      },
    });
    link.send({ t: 'open', id: 1, name: 'hosts.watch' });
    await settle();
    link.send({ t: 'close', id: 1 });
    link.send({ t: 'open', id: 1, name: 'hosts.watch' });
    await settle();
    expect(signals.map((signal) => signal.aborted)).toEqual([true, false]);
    expect(link.frames).toEqual([]);
  });

  it('bounds the open channels', async () => {
    const link = startLink({ channels: { 'hosts.watch': () => new Promise(() => undefined) } });
    for (let id = 0; id <= LINK_BOUNDS.channels_max; id++) link.send({ t: 'open', id, name: 'hosts.watch' });
    await settle();
    expect(link.frames).toMatchObject([{ t: 'end', id: LINK_BOUNDS.channels_max, error: { code: 'rate_limited' } }]);
  });
});

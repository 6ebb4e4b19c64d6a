import { describe, expect, it } from 'vitest';
import type { DaemonClient } from '../../daemon/api/client.ts';
import { DomainError } from '../../daemon/contract/errors.ts';
import type { StreamName } from '../../daemon/contract/streams.ts';
import type { DaemonStreamMessage } from '../../preload/contract.ts';
import { followStream } from './daemon-streams.ts';
import { LinkError } from './errors.ts';

type Script = { messages: unknown[]; end?: DomainError; refuses?: boolean };
/** The daemon's newest event. */
const NEWEST = 5;

/** Runs a stream against a daemon that plays one script a connection. Resolves with what was emitted and what each opening asked for. */
async function play(
  stream: StreamName,
  request: { params?: Record<string, string>; query?: Record<string, unknown> },
  scripts: Script[],
) {
  const asked: Record<string, unknown>[] = [];
  const emitted: DaemonStreamMessage[] = [];
  async function* open(_name: string, { query, onOpen }: { query: Record<string, unknown>; onOpen: () => void }) {
    asked.push(query);
    const script = scripts.shift();
    if (script === undefined) return;
    if (script.refuses !== true) onOpen();
    yield* script.messages;
    if (script.end !== undefined) throw script.end;
  }
  const client = { stream: open, call: async () => [{ seq: NEWEST }] } as unknown as DaemonClient;
  const source = {
    waitForClient: async () => (scripts.length > 0 ? client : Promise.reject(new LinkError('host_unavailable', 'over'))),
  };
  const ended = followStream(
    source,
    { stream, ...request, signal: new AbortController().signal },
    async (message) => void emitted.push(message),
  );
  const error: unknown = await ended.then(
    () => null,
    (reason: unknown) => reason,
  );
  return { asked, emitted, error };
}

const lost = () => new DomainError('unavailable', 'lost');
const line = (ts: string) => ({ log: 'x', ts });

describe('followStream', () => {
  it('hands on messages and ends with the stream', async () => {
    const { emitted, error } = await play('system', {}, [{ messages: [{ ts: 'a' }] }]);
    expect(error).toBeNull();
    expect(emitted).toEqual([{ kind: 'message', message: { ts: 'a' } }]);
  });

  it('opens logs again after the last line it handed on, asking for all that was missed', async () => {
    const first = { messages: [line('1'), line('2')], end: lost() };
    const { asked, emitted, error } = await play('logs', { params: { app: 'shop' }, query: { tail: '5' } }, [
      first,
      { messages: [line('3')] },
    ]);
    expect(error).toBeNull();
    expect(asked).toEqual([{ tail: '5' }, { tail: '10000', since: '2' }]);
    expect(emitted.map(({ kind }) => kind)).toEqual(['message', 'message', 'interrupted', 'resumed', 'message']);
  });

  it('opens events again after the last number, and says once that it was interrupted, however often it tries', async () => {
    const scripts = [
      { messages: [{ seq: 7 }], end: lost() },
      { messages: [], end: lost(), refuses: true },
      { messages: [{ seq: 8 }] },
    ];
    const { asked, emitted } = await play('events', {}, scripts);
    expect(asked).toEqual([{ after: '5' }, { after: '7' }, { after: '7' }]);
    expect(emitted.map(({ kind }) => kind)).toEqual(['message', 'interrupted', 'resumed', 'message']);
  });

  it('loses no event though it is cut before the first of them', async () => {
    const scripts = [{ messages: [], end: lost() }, { messages: [{ seq: 6 }] }];
    const { asked } = await play('events', {}, scripts);
    expect(asked).toEqual([{ after: '5' }, { after: '5' }]);
    expect((await play('events', { query: { after: '2' } }, [{ messages: [] }])).asked).toEqual([{ after: '2' }]);
  });

  it('passes on what was dropped', async () => {
    const { emitted } = await play('system', {}, [{ messages: [{ dropped: 12 }] }]);
    expect(emitted).toEqual([{ kind: 'dropped', count: 12 }]);
  });

  it("ends with the daemon's refusal, without trying again", async () => {
    const refusal = new DomainError('not_found', 'no such app');
    const { asked, error } = await play('logs', { params: { app: 'shop' } }, [{ messages: [], end: refusal }, { messages: [] }]);
    expect(error).toBe(refusal);
    expect(asked).toHaveLength(1);
  });

  it('ends when the host will not come back', async () => {
    const { error } = await play('system', {}, [{ messages: [], end: lost() }]);
    expect(error).toMatchObject({ code: 'host_unavailable' });
  });

  it('refuses parameters that do not match the contract before it opens anything', async () => {
    const { asked, error } = await play('logs', { params: { app: 'UPPER' } }, [{ messages: [] }]);
    expect(error).toMatchObject({ code: 'invalid_request', details: [{ field: 'app' }] });
    expect(asked).toEqual([]);
  });

  it('survives a hostile cursor', async () => {
    const odd = { messages: [null, 7, 'x', { seq: 'y' }, { seq: 1 }], end: lost() };
    const { asked } = await play('events', {}, [odd, { messages: [] }]);
    expect(asked.at(-1)).toEqual({ after: '1' });
  });
});

/** Calls and streams of a real daemon through the core's tunnel: over the message link, across lost connections, and without forwarding. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DaemonStreamMessage } from '../../preload/contract.ts';
import { connectToBed } from '../bed/install-daemon.ts';
import { type SharedBed, sharedBed } from '../bed/shared.ts';
import { cutConnections, inServer, openChannel, startCore, type TestChannel, type TestCore } from './core-harness.ts';

const APP = 'core-streams';
const DOMAIN = 'core-streams.test';
const WAIT = { timeout: 60_000, interval: 50 };

let shared: SharedBed;
let test: TestCore;
let host: string;

beforeAll(async () => {
  shared = await sharedBed();
  test = await startCore();
  host = await connectToBed(test.core, shared.bed);
  const health = { kind: 'http', path: '/api/health' } as const;
  const body = { app_name: APP, image: shared.images.v1, domain: DOMAIN, health, drain_ms: 0, watch_ms: 0 };
  await test.core.client(host).call('deploy', { body, query: { wait: '1' } });
});
afterAll(async () => {
  await shared.client.call('removeApp', { params: { name: APP }, query: { purge: '1', wait: '1' } });
  await test.close();
});

const kinds = ({ messages }: TestChannel<'daemon.stream'>) => messages.map(({ kind }) => kind);

/** A field of every message of the stream. */
function values(messages: DaemonStreamMessage[], field: string): unknown[] {
  return messages.flatMap((message) => (message.kind === 'message' ? [(message.message as Record<string, unknown>)[field]] : []));
}

async function logLine(message: string): Promise<void> {
  await inServer(shared.bed, 'curl', '-sf', '-H', `Host: ${DOMAIN}`, `http://127.0.0.1/log?message=${message}`);
}

async function isBack(): Promise<void> {
  await vi.waitFor(
    () => expect(test.core.hosts.get(host)).toMatchObject({ connection: { kind: 'connected' }, daemon: { kind: 'ready' } }),
    WAIT,
  );
}

describe('a call to the daemon', () => {
  /** One call over the link, as its result or its error. */
  function call(input: unknown): Promise<Record<string, unknown>> {
    return new Promise((resolve) => {
      test.core.connect({
        post: (frame) => resolve(frame as Record<string, unknown>),
        onFrame: (receive) => queueMicrotask(() => receive({ t: 'call', id: 9, name: 'daemon', input })),
        onClose: () => undefined,
      });
    });
  }

  it('is answered through the tunnel', async () => {
    expect(await call({ host, route: 'getAppStatus', params: { name: APP } })).toMatchObject({
      t: 'result',
      value: { name: APP, status: 'running' },
    });
  });

  it('is refused here when it does not match the contract, naming the field', async () => {
    const answer = await call({ host, route: 'swap', body: { app_name: 'UPPER', image: 'x' } });
    expect(answer).toMatchObject({ t: 'error', error: { code: 'invalid_request', details: [{ field: 'app_name' }] } });
  });

  it("carries the daemon's own error whole", async () => {
    expect(await call({ host, route: 'getAppStatus', params: { name: 'no-such-app' } })).toMatchObject({
      t: 'error',
      error: { code: 'not_found' },
    });
  });

  it('opens no port on this machine', async () => {
    const resources = process.getActiveResourcesInfo();
    expect(resources.filter((name) => name.includes('ServerWrap'))).toEqual([]);
  });
});

describe('a stream', () => {
  it('of logs goes on where it was after a lost connection: every line once, in order', async () => {
    const channel = openChannel(test.core, 'daemon.stream', { host, stream: 'logs', params: { app: APP }, query: { tail: '0' } });
    const lines = () => values(channel.messages, 'log').filter((line) => String(line).startsWith('line-'));
    // The stream is open when a line arrives.
    await vi.waitFor(async () => {
      await logLine('opening');
      expect(channel.messages.length).toBeGreaterThan(0);
    }, WAIT);
    for (const name of ['line-1', 'line-2']) await logLine(name);
    await vi.waitFor(() => expect(lines()).toEqual(['line-1', 'line-2']), WAIT);
    await inServer(shared.bed, 'systemctl', 'stop', 'ssh');
    try {
      await cutConnections(shared.bed);
      await vi.waitFor(() => expect(kinds(channel)).toContain('interrupted'), WAIT);
      for (const name of ['line-3', 'line-4']) await logLine(name);
    } finally {
      await inServer(shared.bed, 'systemctl', 'start', 'ssh');
    }
    await vi.waitFor(() => expect(lines()).toHaveLength(4), WAIT);
    await logLine('line-5');
    await vi.waitFor(() => expect(lines()).toEqual(['line-1', 'line-2', 'line-3', 'line-4', 'line-5']), WAIT);
    expect(kinds(channel).filter((kind) => kind !== 'message')).toEqual(['interrupted', 'resumed']);
    channel.close();
  });

  it('of events misses none while the daemon restarts', async () => {
    const channel = openChannel(test.core, 'daemon.stream', { host, stream: 'events', query: { after: '0' } });
    await vi.waitFor(() => expect(values(channel.messages, 'seq').length).toBeGreaterThan(0), WAIT);
    await inServer(shared.bed, 'systemctl', 'restart', 'nextdeployd');
    await vi.waitFor(() => expect(kinds(channel)).toContain('resumed'), WAIT);
    await vi.waitFor(() => expect(values(channel.messages, 'kind').at(-1)).toBe('daemon.started'), WAIT);
    const seqs = values(channel.messages, 'seq') as number[];
    channel.close();
    await isBack();
    // Numbers have gaps, where the progress of a step was overtaken.
    const kept = await shared.client.call('listEvents', { query: { after: 0, limit: 1_000 } });
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    expect(new Set(seqs).size).toBe(seqs.length);
    expect(seqs).toEqual(expect.arrayContaining(kept.map(({ seq }) => seq).filter((seq) => seq <= (seqs.at(-1) ?? 0))));
  });

  it('of figures moves every second', async () => {
    const channel = openChannel(test.core, 'daemon.stream', { host, stream: 'system' });
    await vi.waitFor(() => expect(new Set(values(channel.messages, 'ts')).size).toBeGreaterThanOrEqual(3), WAIT);
    channel.close();
  });

  it('that the daemon refuses ends with its error', async () => {
    const channel = openChannel(test.core, 'daemon.stream', { host, stream: 'logs', params: { app: 'no-such-app' } });
    await vi.waitFor(() => expect(channel.end).toMatchObject({ code: 'not_found' }), WAIT);
  });

  it('ends when the operator disconnects the host', async () => {
    const other = await startCore();
    const otherHost = await connectToBed(other.core, shared.bed);
    const channel = openChannel(other.core, 'daemon.stream', { host: otherHost, stream: 'system' });
    await vi.waitFor(() => expect(channel.messages.length).toBeGreaterThan(0), WAIT);
    other.core.hosts.disconnect(otherHost);
    await vi.waitFor(() => expect(channel.end).toMatchObject({ code: 'host_unavailable' }), WAIT);
    await other.close();
  });
});

describe('where sshd forbids forwarding', () => {
  const RULE = '/etc/ssh/sshd_config.d/no-forwarding.conf';

  it('calls and streams go through dial-stdio', async () => {
    const other = await startCore();
    const otherHost = await connectToBed(other.core, shared.bed);
    other.core.hosts.disconnect(otherHost);
    await shared.bed.exec(['tee', RULE], { input: 'DisableForwarding yes\n' });
    await inServer(shared.bed, 'systemctl', 'reload', 'ssh');
    try {
      // While sshd starts itself anew, it refuses connections.
      await vi.waitFor(async () => expect((await other.core.hosts.connect(otherHost)).connection.kind).toBe('connected'), WAIT);
      expect(other.core.hosts.get(otherHost).daemon.kind).toBe('ready');
      expect(await other.core.client(otherHost).call('listApps')).toMatchObject([{ name: APP }]);
      const channel = openChannel(other.core, 'daemon.stream', { host: otherHost, stream: 'system' });
      await vi.waitFor(() => expect(channel.messages.length).toBeGreaterThan(1), WAIT);
    } finally {
      await other.close();
      await inServer(shared.bed, 'rm', RULE);
      await inServer(shared.bed, 'systemctl', 'reload', 'ssh');
    }
  });
});

/** Runs one command line against a daemon of its own that answers with samples. */
import { PassThrough, Readable } from 'node:stream';
import type { TestServerOptions } from '../api/test-server.ts';
import { sampleEvent, sampleOperation, sampleStep, startTestServer, TEST_TOKEN } from '../api/test-server.ts';
import type { Operation } from '../contract/domain.ts';
import { run } from './program.ts';

interface Invocation extends TestServerOptions {
  env?: Record<string, string>;
  stdin?: Readable & { isTTY?: boolean };
  isTTY?: boolean;
  signal?: AbortSignal;
  onOutput?: (text: string) => void;
  /** In place of the server's socket. */
  socket?: string;
}

/** Runs one command against a daemon of its own. */
export async function nextdeploy(args: string[], options: Invocation = {}) {
  await using daemon = await startTestServer(options);
  const stdout = Object.assign(new PassThrough(), { isTTY: options.isTTY ?? false, columns: 80 });
  const stderr = new PassThrough();
  const text = { out: '', err: '' };
  stdout.on('data', (chunk) => {
    text.out += String(chunk);
    options.onOutput?.(text.out);
  });
  stderr.on('data', (chunk) => {
    text.err += String(chunk);
  });
  const terminal = {
    stdin: options.stdin ?? Readable.from([]),
    stdout,
    stderr,
    env: options.env ?? { NEXTDEPLOY_TOKEN: TEST_TOKEN },
    signal: options.signal ?? new AbortController().signal,
  };
  const code = await run(['--socket', options.socket ?? daemon.socketPath, ...args], '9.9.9', terminal);
  return { code, ...text, calls: daemon.calls };
}

export const ended: Operation = {
  ...sampleOperation,
  state: 'succeeded',
  ended_at: sampleOperation.created_at,
  steps: [
    sampleStep({
      name: 'validate',
      state: 'done',
      started_at: sampleOperation.created_at,
      ended_at: sampleOperation.created_at,
      detail: 'all well',
    }),
  ],
};

/** A daemon on which an operation ends as given, told by events. */
export const ending = (operation: Operation): TestServerOptions => ({
  handlers: { getOperation: async () => sampleOperation },
  streamHandlers: {
    events: async function* ({ context }) {
      yield { ...sampleEvent, kind: 'operation.ended', operation };
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
    },
  },
});

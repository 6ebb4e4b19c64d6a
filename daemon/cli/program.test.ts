import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestServerOptions } from '../api/test-server.ts';
import {
  failedOperation,
  sampleApp,
  sampleEvent,
  sampleLine,
  sampleOperation,
  startTestServer,
  TEST_TOKEN,
} from '../api/test-server.ts';
import type { AppConfiguration, Operation, Release } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { run } from './program.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-cli-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

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
async function nextdeploy(args: string[], options: Invocation = {}) {
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

const ended: Operation = {
  ...sampleOperation,
  state: 'succeeded',
  ended_at: sampleOperation.created_at,
  steps: [
    {
      name: 'validate',
      state: 'done',
      started_at: sampleOperation.created_at,
      ended_at: sampleOperation.created_at,
      detail: 'all well',
    },
  ],
};

/** A daemon on which an operation ends as given, told by events. */
const ending = (operation: Operation): TestServerOptions => ({
  handlers: { getOperation: async () => sampleOperation },
  streamHandlers: {
    events: async function* ({ context }) {
      yield { ...sampleEvent, kind: 'operation.ended', operation };
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
    },
  },
});

describe('reading', () => {
  it('prints dense tables, or JSON', async () => {
    const text = await nextdeploy(['apps']);
    expect(text.code).toBe(0);
    expect(text.out.split('\n')[1]).toMatch(/^shop +running +healthy +r1 +shop:v1 +http:\/\/shop\.test +\d+ d ago$/);
    const json = await nextdeploy(['apps', '--json']);
    expect(JSON.parse(json.out)).toEqual([sampleApp]);
  });

  it.each([
    [['status'], 'nextdeployd 0.1.0, ok'],
    [['status', 'shop'], 'healthy (200 in 3 ms)'],
    [['releases', 'shop'], 'live'],
    [['operations'], 'op-0123456789ab'],
    [['operations', 'op-0123456789ab'], '● validate'],
    [['images', 'ls'], '1.2 kB'],
    [['version'], 'nextdeployd  0.1.0 on server'],
    [['events'], 'app.changed'],
  ])('%j says %j, and JSON that can be parsed', async (args, expected) => {
    const text = await nextdeploy(args);
    expect(text).toMatchObject({ code: 0, err: '', out: expect.stringContaining(expected) });
    for (const line of (await nextdeploy([...args, '--json'])).out.trim().split('\n'))
      expect(() => JSON.parse(line)).not.toThrow();
  });

  it('shows nothing of a name that could move the cursor', async () => {
    const evil = { ...sampleApp, last_error: 'a\u001b[2J\u001b]0;title\u0007b' };
    const { out } = await nextdeploy(['status', 'shop'], { handlers: { getAppStatus: async () => evil } });
    expect(out).not.toMatch(/(?!\n)\p{Cc}/u);
  });
});

describe('an operation', () => {
  it('is followed to its end, a line a step, and succeeds with 0', async () => {
    const { code, out, err } = await nextdeploy(['swap', 'shop', 'shop:v2'], ending(ended));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe('validate: running\nvalidate: done (0.0 s) all well\ndeploy of shop succeeded: r2 (shop:v2)\n');
  });

  it('is drawn as a live timeline on a terminal', async () => {
    const { out } = await nextdeploy(['restart', 'shop'], { ...ending(ended), isTTY: true });
    expect(out).toContain('\u001b[1A\u001b[2K✓ validate  done');
  });

  it('that fails prints its evidence and ends with the code of its error', async () => {
    const { code, err } = await nextdeploy(['swap', 'shop', 'shop:v2'], ending(failedOperation));
    expect(code).toBe(6);
    for (const part of [
      'never became healthy',
      'failed step: probe',
      '10.213.0.18:3000/ 500',
      'Error: boom',
      'nextdeploy operations op-',
    ]) {
      expect(err).toContain(part);
    }
  });

  it('is followed by asking where the stream of events is lost', async () => {
    let asked = 0;
    const { code } = await nextdeploy(['start', 'shop'], {
      handlers: {
        getOperation: async () => {
          asked += 1;
          return asked < 3 ? sampleOperation : ended;
        },
      },
      streamHandlers: {
        events: async function* () {
          yield sampleEvent;
          throw new DomainError('unavailable', 'gone');
        },
      },
    });
    expect({ code, asked }).toEqual({ code: 0, asked: 3 });
  });

  it('is not waited for with --detach', async () => {
    const { code, out } = await nextdeploy(['stop', 'shop', '--detach'], {
      handlers: { getOperation: () => Promise.reject(new Error('asked')) },
    });
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('op-0123456789ab has begun') });
  });

  it('as JSON is one object, the operation as it ended', async () => {
    const { out } = await nextdeploy(['rollback', 'shop', 'r1', '--json'], ending(ended));
    expect(JSON.parse(out)).toEqual(ended);
  });

  it('that is interrupted goes on, which is said', async () => {
    const interrupt = new AbortController();
    const { code, err } = await nextdeploy(['start', 'shop'], {
      signal: interrupt.signal,
      handlers: {
        getOperation: async () => {
          interrupt.abort();
          return sampleOperation;
        },
      },
    });
    expect({ code, err }).toMatchObject({ code: 7, err: expect.stringContaining('the operation goes on') });
  });
});

describe('deploy', () => {
  it('makes a request of its flags', async () => {
    const file = join(directory, 'shop.env');
    writeFileSync(file, '# comment\nFROM_FILE="two words"\nBOTH=file\n');
    const flags =
      '--image shop:v1 --domain shop.test --port 8080 --port 9090 --env BOTH=flag --env EMPTY= --env HOME --tls off --health-path /up --drain 5s';
    const { code, calls } = await nextdeploy(['deploy', 'shop', ...flags.split(' '), '--env-file', file, '--reset'], {
      ...ending(ended),
      env: { NEXTDEPLOY_TOKEN: TEST_TOKEN, HOME: '/root' },
    });
    expect(code).toBe(0);
    expect(calls[0]?.request.body).toMatchObject({
      app_name: 'shop',
      image: 'shop:v1',
      domain: 'shop.test',
      ports: [8080, 9090],
      env: { FROM_FILE: 'two words', BOTH: 'flag', EMPTY: '', HOME: '/root' },
      tls: 'off',
      health: { kind: 'http', path: '/up' },
      drain_ms: 5_000,
    });
  });

  const deployed: AppConfiguration = {
    env: { GREETING: 'hello', SECRET: 'hush', OLD: '1' },
    ports: [3000],
    domain: 'shop.test',
    proxy: 'caddy',
    health: { kind: 'http', path: '/up', interval_ms: 500, timeout_ms: 5_000, deadline_ms: 60_000 },
    drain_ms: 5_000,
    stop_timeout_ms: 10_000,
  };
  const live: Release = {
    id: 'r1',
    app_name: 'shop',
    state: 'live',
    image: 'shop:v1',
    image_id: `sha256:${'0'.repeat(64)}`,
    configuration: deployed,
    created_at: sampleOperation.created_at,
    created_by: 'admin',
    operation_id: sampleOperation.id,
    ended_at: null,
    end_reason: null,
  };
  /** A daemon on which shop runs shop:v1 as `deployed`, and an operation ends well. */
  const running: TestServerOptions = {
    ...ending(ended),
    handlers: { ...ending(ended).handlers, getRelease: async () => live },
  };
  const bodyOf = ({ calls }: Awaited<ReturnType<typeof nextdeploy>>) => calls.find(({ name }) => name === 'deploy')?.request.body;

  it('keeps what an app runs with, and says so', async () => {
    const kept = await nextdeploy(['deploy', 'shop', '--image', 'shop:v2'], running);
    expect(bodyOf(kept)).toEqual({ app_name: 'shop', image: 'shop:v2', ...deployed });
    expect(kept.out).toContain(
      'shop starts from r1: keeps domain shop.test, health http /up, drain 5s, env GREETING SECRET OLD; changes image shop:v1 to shop:v2.\n',
    );
    expect(kept.out).not.toContain('hush');
    const json = await nextdeploy(['deploy', 'shop', '--image', 'shop:v2', '--json'], running);
    expect(JSON.parse(json.out)).toEqual(ended);
  });

  it('changes only what flags name, variables one by one', async () => {
    const flags = '--env SECRET=new --env NEW=2 --unset-env OLD --health-path /live --domain other.test';
    const changed = await nextdeploy(['deploy', 'shop', '--image', 'shop:v1', ...flags.split(' ')], running);
    expect(bodyOf(changed)).toEqual({
      ...deployed,
      app_name: 'shop',
      image: 'shop:v1',
      domain: 'other.test',
      env: { GREETING: 'hello', SECRET: 'new', NEW: '2' },
      health: { ...deployed.health, path: '/live' },
    });
    expect(changed.out).toContain(
      'keeps drain 5s, env GREETING; changes domain shop.test to other.test, health http /up to http /live, ',
    );
    expect(changed.out).toContain('env SECRET +NEW -OLD.\n');
    const hasty = await nextdeploy(['deploy', 'shop', '--image', 'shop:v1', '--health-deadline', '5s'], running);
    expect(hasty.out).toContain('changes health http /up to http /up deadline 5s.\n');
    const worker = await nextdeploy(['deploy', 'shop', '--image', 'shop:v1', '--no-domain'], running);
    expect(bodyOf(worker)).not.toHaveProperty('domain');
  });

  it('starts from the defaults with --reset, from the file with --request, and for an app that is not there', async () => {
    const bare = { app_name: 'shop', image: 'shop:v2', env: {}, ports: [3000], health: { kind: 'http', path: '/' } };
    const file = join(directory, 'bare.json');
    writeFileSync(file, JSON.stringify({ image: 'shop:v2' }));
    const absent = () => Promise.reject(new DomainError('not_found', 'There is no app shop.'));
    const fresh = { ...running, handlers: { ...running.handlers, getAppStatus: absent } };
    for (const made of [
      await nextdeploy(['deploy', 'shop', '--image', 'shop:v2', '--reset'], running),
      await nextdeploy(['deploy', 'shop', '--request', file], running),
      await nextdeploy(['deploy', 'shop', '--image', 'shop:v2'], fresh),
    ]) {
      expect(bodyOf(made)).toMatchObject(bare);
      expect(bodyOf(made)).not.toHaveProperty('domain');
      expect(made.out).not.toContain('starts from');
    }
  });

  it('takes a whole request from a file, and flags over it', async () => {
    const file = join(directory, 'request.json');
    writeFileSync(
      file,
      JSON.stringify({ app_name: 'shop', image: 'shop:v1', health: { kind: 'http', path: '/up', timeout_ms: 200 } }),
    );
    const { calls } = await nextdeploy(
      ['deploy', '--request', file, '--image', 'shop:v2', '--health-deadline', '2m'],
      ending(ended),
    );
    expect(calls[0]?.request.body).toMatchObject({
      app_name: 'shop',
      image: 'shop:v2',
      health: { kind: 'http', path: '/up', timeout_ms: 200, deadline_ms: 120_000 },
    });
  });

  it.each([
    [['deploy', 'shop'], 'Name the image'],
    [['deploy', '--image', 'shop:v1'], 'Name the app'],
    [['deploy', 'shop', '--image', 'shop:v1', '--port', 'http'], '--port takes a whole number'],
    [['deploy', 'shop', '--image', 'shop:v1', '--drain', 'soon'], '--drain takes a duration'],
    [['deploy', 'shop', '--image', 'shop:v1', '--env', 'NOT_SET'], '--env NOT_SET has no value here'],
    [['deploy', 'shop', '--image', 'shop:v1', '--env-file', '/nowhere'], 'Cannot read /nowhere: it does not exist'],
    [['deploy', 'Shop', '--image', 'shop:v1'], 'Field "app_name" is not valid'],
    [['deploy', 'shop', '--image', 'shop:v1', '--tls', 'maybe'], 'Allowed choices are auto, off'],
    [['events', '--tail', 'some'], '--tail takes a whole number'],
    [['logs', 'shop', '--since', '10parsecs'], '--since takes a duration such as'],
    [['logs', 'shop', '--tail', 'some'], 'use a number from 0 to 10000'],
    [['status', 'Shop'], 'Field "name" is not valid'],
    [['nonsense'], "unknown command 'nonsense'"],
    [['swap', 'shop'], "missing required argument 'image'"],
  ])('%j ends with 2 and says %j', async (args, message) => {
    expect(await nextdeploy(args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(message) });
  });
});

describe('remove', () => {
  it('asks, and removes nothing without a yes', async () => {
    const answering = (answer: string) => Object.assign(Readable.from([answer]), { isTTY: true });
    const refused = await nextdeploy(['remove', 'shop'], { stdin: answering('\n') });
    expect(refused).toMatchObject({ code: 2, calls: [], err: expect.stringContaining('Nothing was removed') });
    const unasked = await nextdeploy(['remove', 'shop'], { stdin: Readable.from(['y\n']) });
    expect(unasked).toMatchObject({ code: 2, calls: [], err: expect.stringContaining('--yes') });
    const removed = await nextdeploy(['remove', 'shop'], { ...ending(ended), stdin: answering('y\n') });
    expect(removed).toMatchObject({ code: 0, calls: [{ name: 'removeApp', request: { query: { purge: true } } }, {}] });
    for (const flags of [['--yes'], ['--purge', '--yes']]) {
      const { code, calls } = await nextdeploy(['remove', 'shop', ...flags], ending(ended));
      expect({ code, calls }).toMatchObject({ code: 0, calls: [{ name: 'removeApp', request: { query: { purge: true } } }, {}] });
    }
  });
});

describe('an error', () => {
  it.each([
    [['status', 'Shop'], 'invalid_request', 2],
    [['nonsense'], 'invalid_request', 2],
    [['swap', 'shop'], 'invalid_request', 2],
    [['images'], 'invalid_request', 2],
    [['events', '--tail', 'some'], 'invalid_request', 2],
    [['apps', '--token-file', '/nowhere'], 'invalid_request', 2],
  ])('of %j is one JSON object on standard error with --json', async (args, code, exit_code) => {
    const { code: exited, out, err } = await nextdeploy([...args, '--json']);
    expect({ exited, out }).toEqual({ exited: exit_code, out: '' });
    expect(JSON.parse(err)).toMatchObject({ success: false, message: expect.stringMatching(/^\S/), payload: { code } });
  });

  it('of an operation is one too, beside the operation', async () => {
    const { code, out, err } = await nextdeploy(['swap', 'shop', 'shop:v2', '--json'], ending(failedOperation));
    expect(code).toBe(6);
    expect(JSON.parse(out)).toEqual(failedOperation);
    expect(JSON.parse(err)).toEqual({
      success: false,
      message: failedOperation.error?.message,
      payload: { code: 'unprocessable', operation_id: failedOperation.id },
    });
  });

  it.each([
    [['--env', '1BAD=x'], '1BAD is no name of a variable; use letters, digits and underscores, not starting with a digit'],
    [['--drain', '1d'], 'use a whole number of milliseconds from 0 to 600000'],
  ])('names what %j may be', async (flags, message) => {
    const { out, err } = await nextdeploy(['deploy', 'shop', '--image', 'shop:v1', ...flags]);
    expect({ out, err }).toEqual({ out: '', err: expect.stringContaining(message) });
  });

  it('that is long is cut in tables, with a word on where it stands in full', async () => {
    const message = `it failed because ${'of this and '.repeat(30)}that`;
    const long: Operation = { ...failedOperation, error: { message, step: 'probe' } };
    const handlers = { listOperations: async () => [long, ended] };
    const { out } = await nextdeploy(['operations'], { handlers });
    expect(out).toMatch(/ it [^\n]*…\nop-/);
    expect(out).toContain('In full: nextdeploy operations ID\n');
    const lines = out.split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(80);
    expect((await nextdeploy(['operations'], { handlers: { listOperations: async () => [ended] } })).out).not.toContain(
      'In full',
    );
  });

  it('that a step repeats is said once', async () => {
    const message = 'shop:v2 never became healthy.';
    const [validate, probe] = failedOperation.steps;
    const repeated = {
      ...failedOperation,
      steps: [validate, { ...probe, detail: message }],
      error: { message, step: 'probe' },
      evidence: { ...failedOperation.evidence, reason: message },
    } as Operation; // two steps are there
    const { out, err } = await nextdeploy(['swap', 'shop', 'shop:v2'], ending(repeated));
    expect(`${out}${err}`.split(message)).toHaveLength(2);
    const shown = await nextdeploy(['operations', repeated.id], { handlers: { getOperation: async () => repeated } });
    expect(shown.out.split(message)).toHaveLength(2);
  });
});

describe('logs', () => {
  it('prints the lines as they are, with time and release where asked', async () => {
    expect(await nextdeploy(['logs', 'shop'])).toMatchObject({ code: 0, out: 'ready\n' });
    expect((await nextdeploy(['logs', 'shop', '-t'])).out).toBe(`${sampleLine.ts} r1 blue ready\n`);
    expect(JSON.parse((await nextdeploy(['logs', 'shop', '--json'])).out)).toEqual(sampleLine);
  });

  it('goes on from the last line when the stream is lost', async () => {
    const interrupt = new AbortController();
    const since: (string | undefined)[] = [];
    const { out, err } = await nextdeploy(['logs', 'shop', '--follow'], {
      onOutput: (text) => text.includes('again') && interrupt.abort(),
      signal: interrupt.signal,
      streamHandlers: {
        logs: async function* ({ query }) {
          since.push(query.since);
          if (query.since === undefined) {
            yield sampleLine;
            throw new DomainError('unavailable', 'The daemon is stopping.');
          }
          yield { ...sampleLine, ts: '2026-01-02T03:04:05.000000002Z', log: 'again' };
          await new Promise((resolve) => interrupt.signal.addEventListener('abort', resolve));
        },
      },
    });
    expect(out).toBe('ready\nagain\n');
    expect(err).toContain('Trying again');
    expect(since).toEqual([undefined, sampleLine.ts]);
  });
});

describe('images load', () => {
  it('streams a file or standard input', async () => {
    let received = '';
    const handlers: TestServerOptions['handlers'] = {
      loadImages: async ({ upload }) => {
        received = '';
        for await (const chunk of upload) received += String(chunk);
        return { images: [{ id: 'sha256:1', references: ['shop:v1'], size_bytes: 1, created_at: sampleOperation.created_at }] };
      },
    };
    const file = join(directory, 'shop.tar');
    writeFileSync(file, 'archive');
    expect(await nextdeploy(['images', 'load', file], { handlers })).toMatchObject({
      code: 0,
      out: expect.stringContaining('loaded shop:v1'),
    });
    expect(received).toBe('archive');
    const stdin = Readable.from([Buffer.from('from '), Buffer.from('stdin')]);
    expect((await nextdeploy(['images', 'load', '-'], { handlers, stdin })).code).toBe(0);
    expect(received).toBe('from stdin');
    expect((await nextdeploy(['images', 'load', directory], { handlers })).code).toBe(2);
  });
});

describe('reaching the daemon', () => {
  it('takes the token from a file, the environment or the configuration', async () => {
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, `${TEST_TOKEN}\n`);
    const config = join(directory, 'config.yml');
    writeFileSync(config, `auth:\n  token: ${TEST_TOKEN}\n`);
    expect((await nextdeploy(['apps', '--token-file', tokenFile], { env: { NEXTDEPLOY_TOKEN: 'wrong' } })).code).toBe(0);
    expect((await nextdeploy(['apps', '--config', config], { env: {} })).code).toBe(0);
    expect(await nextdeploy(['apps', '--config', '/nowhere'], { env: {} })).toMatchObject({
      code: 3,
      err: expect.stringContaining('sudo'),
    });
    expect(await nextdeploy(['apps'], { env: { NEXTDEPLOY_TOKEN: 'wrong' } })).toMatchObject({ code: 3 });
  });

  it('says what to do when nobody is there', async () => {
    const { code, err } = await nextdeploy(['apps'], { socket: '/nowhere/nextdeployd.sock' });
    expect(code).toBe(7);
    expect(err).toContain('systemctl status nextdeployd');
  });

  it('carries bytes between standard streams and the socket', async () => {
    const stdin = new PassThrough();
    // Left open, as SSH leaves it: the daemon takes the end of its input for a hang-up.
    stdin.write('GET /health HTTP/1.1\r\nHost: nextdeploy\r\nConnection: close\r\n\r\n');
    const { code, out } = await nextdeploy(['dial-stdio'], { stdin, env: {} });
    expect(code).toBe(0);
    expect(out).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*"status":"ok"/);
  });

  it('explains itself', async () => {
    const { code, out } = await nextdeploy(['--help']);
    expect(code).toBe(0);
    expect(out).toContain('Exit codes:');
    expect((await nextdeploy(['deploy', '--help'])).out).toContain('--health-path');
    expect((await nextdeploy(['help', 'images', 'load'])).out).toContain('Usage: nextdeploy images load');
    expect((await nextdeploy(['help', 'images', 'nonsense'])).err).toContain("no command 'images nonsense'");
    expect((await nextdeploy(['help'])).out).toContain('Exit codes:');
    expect((await nextdeploy(['--version'])).out).toBe('9.9.9\n');
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestServerOptions } from '../api/test-server.ts';
import { failedOperation, sampleApp, sampleEvent, sampleLine, sampleOperation, TEST_TOKEN } from '../api/test-server.ts';
import { DomainError } from '../contract/errors.ts';
import { ended, ending, nextdeploy } from './test-command.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-cli-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe('reading', () => {
  it('prints dense tables, or JSON', async () => {
    const text = await nextdeploy(['apps']);
    expect(text.code).toBe(0);
    expect(text.out.split('\n')[1]).toMatch(/^shop +running +healthy +r1 +1\/1 +shop:v1 +http:\/\/shop\.test +\d+ d ago$/);
    const json = await nextdeploy(['apps', '--json']);
    expect(JSON.parse(json.out)).toEqual([sampleApp]);
  });

  it.each([
    [['status'], 'nextdeployd 0.1.0, ok'],
    [['status', 'shop'], 'healthy (200 in 3 ms)'],
    [['releases', 'shop'], 'live'],
    [['operations'], 'op-0123456789ab'],
    [['operation', 'op-0123456789ab'], '● validate'],
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
    expect(out).toContain('\u001b[2A\u001b[2K✓ validate    done');
  });

  it('that fails prints its evidence and ends with the code of its error', async () => {
    const { code, err } = await nextdeploy(['swap', 'shop', 'shop:v2'], ending(failedOperation));
    expect(code).toBe(6);
    for (const part of [
      'never became healthy',
      'failed step: probe',
      '10.213.0.18:3000/ 500',
      'Error: boom',
      'nextdeploy operation op-',
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
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('op-0123456789ab is under way') });
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
    expect({ code, err }).toMatchObject({ code: 7, err: expect.stringContaining('op-0123456789ab goes on') });
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

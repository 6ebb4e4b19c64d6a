/** The daemon's streams and its command line on a real server: real Docker, real containers, real swaps. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonClient } from '../../daemon/api/client.ts';
import type { LogLine } from '../../daemon/contract/domain.ts';
import type { Bed } from '../bed/bed.ts';
import { sharedBed } from '../bed/shared.ts';
import { deploy, swap, visit } from './engine-harness.ts';

const APP = 'streams-shop';
const DOMAIN = 'streams.test';

let bed: Bed;
let client: DaemonClient;
let images: { v1: string; v2: string };
let token: string;

beforeAll(async () => {
  ({ bed, client, images, token } = await sharedBed());
});

afterEach(async () => {
  const apps = await client.call('listApps');
  if (apps.some(({ name }) => name === APP))
    await client.call('removeApp', { params: { name: APP }, query: { wait: '1', purge: '1' } });
});

afterAll(() => client?.close());

/** Reads an app's log as the console does: from the last line seen, again and again, cut at will. */
class Reader {
  readonly lines: LogLine[] = [];
  cuts = 0;
  #cut = new AbortController();
  readonly #stop = new AbortController();

  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#cut = new AbortController();
      const since = this.lines.at(-1)?.ts;
      const signal = AbortSignal.any([this.#cut.signal, this.#stop.signal]);
      for await (const line of client.stream('logs', { params: { app: APP }, query: { since, tail: 0 }, signal })) {
        if ('log' in line) this.lines.push(line);
      }
    }
  }

  cut(): void {
    this.cuts += 1;
    this.#cut.abort();
  }

  stop(): void {
    this.#stop.abort();
  }
}

describe('the log of an app', () => {
  it('arrives whole, once and in order, over swaps and while the reader is cut off again and again', async () => {
    await deploy(client, { app_name: APP, image: images.v1, domain: DOMAIN, drain_ms: 3_000 });
    const reader = new Reader();
    const reading = reader.run();
    const hasBegun = async () => {
      await visit(bed, DOMAIN, '/log?message=begin');
      return reader.lines.length > 0;
    };
    await expect.poll(hasBegun, { timeout: 20_000 }).toBe(true);

    const swaps = (async () => {
      for (const image of [images.v2, images.v1, images.v2]) await swap(client, APP, image);
    })();
    let isSwapping = true;
    const done = swaps.finally(() => {
      isSwapping = false;
    });
    let written = 0;
    for (; isSwapping; written += 1) {
      const answer = await visit(bed, DOMAIN, `/log?message=number-${written}-`);
      expect(answer.body).toBe('logged\n');
      if (written % 40 === 39) reader.cut();
    }
    await done;
    await visit(bed, DOMAIN, '/log?message=end');
    await expect.poll(() => reader.lines.some(({ log }) => log === 'end'), { timeout: 20_000 }).toBe(true);
    reader.stop();
    await reading;

    const numbers = reader.lines.map(({ log }) => /^number-([0-9]+)-$/.exec(log)?.[1]).filter((number) => number !== undefined);
    expect(numbers).toEqual(Array.from({ length: written }, (_, index) => String(index)));
    expect(reader.lines.every(({ ts }, index) => index === 0 || ts > (reader.lines[index - 1]?.ts ?? ''))).toBe(true);
    expect(new Set(reader.lines.map(({ slot }) => slot))).toEqual(new Set(['blue', 'green']));
    expect(reader.cuts).toBeGreaterThan(1);
    expect(written).toBeGreaterThan(50);
  });

  it('can be sought through, and read without following', async () => {
    await deploy(client, { app_name: APP, image: images.v1, domain: DOMAIN });
    for (const message of ['alpha', 'beta', 'alphabet']) await visit(bed, DOMAIN, `/log?message=${message}`);
    const read = async (query: { tail?: number; grep?: string }) => {
      const lines: string[] = [];
      for await (const line of client.stream('logs', { params: { app: APP }, query: { ...query, follow: '0' } })) {
        if ('log' in line) lines.push(line.log);
      }
      return lines;
    };
    expect(await read({ grep: 'alpha' })).toEqual(['alpha', 'alphabet']);
    expect(await read({ tail: 2 })).toEqual(['beta', 'alphabet']);
    expect((await read({})).at(0)).toMatch(/^tiny v1 starts$/);
    await swap(client, APP, images.v2);
    // The container that wrote them is gone by now.
    expect(await read({ grep: 'alpha' })).toEqual(['alpha', 'alphabet']);
    expect(await read({})).toEqual(expect.arrayContaining(['tiny v1 stops', 'tiny v2 listens on 3000']));
  });

  it('of an app that is not there ends with an error that says so', async () => {
    await expect(client.stream('logs', { params: { app: 'nobody' } }).next()).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('the figures of the host', () => {
  it('come every second and move', async () => {
    const abort = new AbortController();
    const at: number[] = [];
    for await (const metrics of client.stream('system', { signal: abort.signal })) {
      if ('dropped' in metrics) continue;
      expect(metrics.memory.used_bytes).toBeGreaterThan(0);
      expect(metrics.cpu.percent).toBeLessThanOrEqual(100);
      at.push(Date.parse(metrics.ts));
      if (at.length === 4) abort.abort();
    }
    expect((at.at(-1) ?? 0) - (at[1] ?? 0)).toBeGreaterThan(1_500);
  });
});

describe('the command on the server', () => {
  const nextdeploy = (...args: string[]) => bed.exec(['nextdeploy', ...args]);

  it('deploys, swaps, rolls back and shows what is there', async () => {
    const deployed = await nextdeploy(
      'deploy',
      APP,
      '--image',
      images.v1,
      '--domain',
      DOMAIN,
      '--health-path',
      '/api/health',
      '--drain',
      '1s',
      '--watch',
      '0s',
    );
    expect(deployed).toMatchObject({ code: 0, stdout: expect.stringContaining(`deploy of ${APP} succeeded: r1`) });
    const before = performance.now();
    const swapped = await nextdeploy('swap', APP, images.v2, '--json');
    expect(JSON.parse(swapped.stdout)).toMatchObject({ kind: 'swap', state: 'succeeded', release: 'r2' });
    // It ends with the operation: nothing of its streams holds it.
    expect(performance.now() - before).toBeLessThan(30_000);
    expect((await visit(bed, DOMAIN)).body).toBe('v2\n');
    expect((await nextdeploy('rollback', APP)).code).toBe(0);
    expect((await nextdeploy('apps')).stdout).toMatch(new RegExp(`${APP} +running +healthy +r1 `));
    const log = (await nextdeploy('logs', APP, '-n', '2')).stdout;
    expect(log.split('\n')).toEqual(['tiny v1 listens on 3000', 'tiny v2 stops', '']);
  });

  it('prints the evidence of a failed operation and ends with its code', async () => {
    const args = ['--image', images.v1, '--health-path', '/nothing', '--health-deadline', '1s'];
    const { code, stderr } = await nextdeploy('deploy', APP, ...args);
    expect(code).toBe(6);
    for (const part of ['failed step: probe', '/nothing 404', 'tiny v1 listens on 3000']) expect(stderr).toContain(part);
  });
});

describe('the listener on loopback', () => {
  it('answers a token, and refuses everything a browser could send', async () => {
    const curl = async (...args: string[]) =>
      (await bed.exec(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', ...args])).stdout;
    const authorization = ['-H', `Authorization: Bearer ${token}`];
    expect(await curl(...authorization, 'http://127.0.0.1:8371/apps')).toBe('200');
    expect(await curl('http://127.0.0.1:8371/apps')).toBe('401');
    expect(await curl(...authorization, '-H', 'Origin: http://localhost', 'http://127.0.0.1:8371/apps')).toBe('403');
    expect(await curl(...authorization, '-H', 'Host: evil.example', 'http://127.0.0.1:8371/apps')).toBe('403');
    const sockets = (await bed.exec(['ss', '-ltnH'])).stdout.split('\n').filter((line) => line.includes(':8371'));
    expect(sockets).toHaveLength(1);
    expect(sockets[0]).toContain('127.0.0.1:8371');
  });
});

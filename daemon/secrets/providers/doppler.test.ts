import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../contract/limits.ts';
import { DOPPLER_TOKEN, type DopplerServer, dopplerError, rateLimited, STRANGER_TOKEN, startDoppler } from '../test-doppler.ts';
import type { Failure } from '../test-provider-server.ts';
import { startProviders, type TestProviders } from '../test-providers.ts';

const SECRETS = { DB_URL: 'postgres://needle-doppler', DOPPLER_CONFIG: 'prd', EMPTY: '', LINES: 'one\ntwo' };
const NEEDLES = ['needle-doppler', DOPPLER_TOKEN];

async function start(
  { left_ms, secrets = SECRETS as Record<string, unknown>, requests_per_minute = 240, ...provider } = {} as StartOptions,
) {
  const doppler = await startDoppler({ ...secrets }, { requests_per_minute });
  const all = await startProviders(left_ms === undefined ? {} : { left_ms });
  const { endpoint } = doppler;
  all.set({ kind: 'doppler', project: 'shop', config: 'prd', token: DOPPLER_TOKEN, endpoint, ...provider });
  return { doppler, all, ...disposing(doppler, all) };
}

interface StartOptions {
  left_ms?: number;
  secrets?: Record<string, unknown>;
  requests_per_minute?: number;
  token?: string;
  project?: string;
  config?: string;
  endpoint?: string;
}

const disposing = (doppler: DopplerServer, all: TestProviders) => ({
  async [Symbol.asyncDispose]() {
    await doppler[Symbol.asyncDispose]();
    await all[Symbol.asyncDispose]();
  },
});

describe('secrets of Doppler', () => {
  it('are downloaded as its API says: by project and config, with the token in a header and not in the address', async () => {
    await using started = await start();
    const { doppler, all } = started;
    expect(await all.pull()).toEqual(SECRETS);
    const [request] = doppler.requests;
    expect(Object.fromEntries(request?.url.searchParams ?? [])).toEqual({ format: 'json', project: 'shop', config: 'prd' });
    expect(request?.headers.authorization).toBe(`Bearer ${DOPPLER_TOKEN}`);
    expect(request?.url.href).not.toContain(DOPPLER_TOKEN);
  });

  const refusals: [string, Partial<StartOptions>, RegExp][] = [
    ['a token that it does not know', { token: 'dp.st.prd.wrong' }, /Doppler does not know the token; set the provider anew/],
    ['a token that may not', { token: STRANGER_TOKEN }, /the token may not read shop\/prd; set the provider anew/],
    ['an unknown project', { project: 'blog' }, /Doppler has no blog\/prd/],
    ['an unknown config', { config: 'stg' }, /Doppler has no shop\/stg/],
  ];
  it.each(refusals)('are not asked for again with %s', async (_what, options, message) => {
    await using started = await start(options as StartOptions);
    const { code, message: said, details } = await started.all.failure();
    expect({ code, said }).toEqual({ code: 'unprocessable', said: expect.stringMatching(message) });
    expect(said).toMatch(/^The secrets of the app shop cannot be pulled: .*\.$/);
    expect(details).toEqual([{ field: 'secrets', message: expect.stringMatching(message) }]);
    expect(started.doppler.requests).toHaveLength(1);
  });

  const passing: [string, Failure][] = [
    ['is throttled', rateLimited(2)],
    ['is throttled without a word about when', dopplerError(429, 'Too many requests')],
    ['has a fault', dopplerError(500, 'Internal error')],
    [
      'stands behind a proxy that has one',
      { status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad gateway</h1>' },
    ],
    ['hangs up', 'dropped'],
  ];
  it.each(passing)('are asked for again when it %s', async (_what, failure) => {
    await using started = await start();
    const { doppler, all } = started;
    doppler.failures.push(failure, failure);
    expect(await all.pull()).toEqual(SECRETS);
    expect(doppler.requests).toHaveLength(3);
    const asked_ms = typeof failure === 'object' && failure.headers?.['retry-after'] ? 2_000 : 0;
    expect(all.waits).toEqual([Math.max(asked_ms, 250), Math.max(asked_ms, 500)]);
  });

  it('are asked for a few times at most', async () => {
    await using started = await start();
    const { doppler, all } = started;
    doppler.failures.push(...Array.from({ length: 10 }, () => dopplerError(503, 'needle-doppler')));
    const { code, message } = await all.failure();
    expect(code).toBe('unavailable');
    expect(message).toContain('Doppler has a fault of its own (status 503); try again later');
    expect(doppler.requests).toHaveLength(LIMITS.provider_requests_max);
  });

  it('are not waited for beyond the time of a pull, and the message says how long it would be', async () => {
    await using started = await start({ requests_per_minute: 0 });
    started.doppler.failures.push(rateLimited(3_600));
    const { code, message } = await started.all.failure();
    expect({ code, message }).toEqual({
      code: 'unavailable',
      message: expect.stringContaining('asked too often; try again in 3600 s'),
    });
    expect([started.doppler.requests.length, started.all.waits]).toEqual([1, []]);
  });

  it('that do not come in time are not taken, and the connection is let go', async () => {
    await using started = await start({ left_ms: 150 });
    started.doppler.failures.push('silent', 'silent');
    const { code, message } = await started.all.failure();
    expect(code).toBe('unavailable');
    expect(message).toContain('Doppler cannot be reached (no answer within 1 s)');
    await expect.poll(() => started.doppler.abandoned()).toBe(started.doppler.requests.length);
  });

  it('are not asked for any more once the caller has gone', async () => {
    await using started = await start();
    started.doppler.failures.push('silent');
    const caller = new AbortController();
    const pulled = started.all.pull(undefined, caller.signal);
    const outcome = expect(pulled).rejects.toThrow('the caller has gone');
    await expect.poll(() => started.doppler.requests.length).toBe(1);
    caller.abort(new Error('the caller has gone'));
    await outcome;
    await expect.poll(() => started.doppler.abandoned()).toBe(1);
  });

  const wrong: [string, Failure | Record<string, unknown>, RegExp][] = [
    ['answers without end', 'endless', /its answer is larger than 2097152 bytes/],
    ['answers with a page', { status: 200, body: '<html>needle-doppler' }, /is no list of secrets; look at its endpoint/],
    ['answers with a list', { status: 200, body: '["needle-doppler"]' }, /is no list of secrets/],
    ['answers with no text', { status: 200, body: '{"A": {"computed": "needle-doppler"}}' }, /does not show the value of A/],
    [
      'hides a value',
      { status: 200, body: '{"A": null}' },
      /does not show the value of A in shop\/prd; use a token that may read it/,
    ],
    [
      'has a name that is none',
      { status: 200, body: '{"MY-KEY": "needle-doppler"}' },
      /"MY-KEY" in shop\/prd gives no name of a variable/,
    ],
    [
      'has a value that none can be',
      { status: 200, body: '{"A": "needle-doppler\\u0000"}' },
      /"A" in shop\/prd has a NUL character/,
    ],
    [
      'has a value that is too large',
      { status: 200, body: JSON.stringify({ A: 'needle-doppler'.repeat(8_000) }) },
      /larger than 65536 bytes/,
    ],
    ['has nothing', { status: 200, body: '{}' }, /there is nothing in shop\/prd/],
    [
      'sends elsewhere',
      { status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: '' },
      /refuses to give shop\/prd \(status 302\)/,
    ],
  ];
  it.each(wrong)('are refused whole when it %s', async (_what, failure, message) => {
    await using started = await start();
    started.doppler.failures.push(failure as Failure);
    const failed = await started.all.failure();
    expect(failed).toMatchObject({ code: 'unprocessable', message: expect.stringMatching(message) });
    for (const needle of NEEDLES) expect(JSON.stringify(failed)).not.toContain(needle);
    expect(started.doppler.requests).toHaveLength(1);
  });

  it('are refused beyond what an app can be given', async () => {
    const many = Object.fromEntries(Array.from({ length: LIMITS.env_entries_max + 1 }, (_, index) => [`V${index}`, 'x']));
    await using started = await start({ secrets: many });
    expect((await started.all.failure()).message).toContain(`more than ${LIMITS.env_entries_max} variables`);
    const large = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`V${index}`, 'x'.repeat(60_000)]));
    await using another = await start({ secrets: large });
    expect((await another.all.failure()).message).toMatch(/take \d+ bytes, and 524288 is the most/);
  });

  it('that are not given for another reason bring its words: one short line, without the token', async () => {
    await using started = await start();
    const words = `${'too long '.repeat(100)}`;
    started.doppler.failures.push(dopplerError(400, `No\n\u001b[31mway with ${DOPPLER_TOKEN} ${words}`));
    const { message } = await started.all.failure();
    expect(message).toContain('refuses to give shop/prd (status 400: No [31mway with [value] too long');
    expect(message.length).toBeLessThan(350);
    for (const needle of NEEDLES) expect(message).not.toContain(needle);
  });

  it('are unreachable where nothing listens', async () => {
    await using started = await start({ endpoint: 'http://127.0.0.1:1' });
    const { code, message } = await started.all.failure();
    expect({ code, message }).toEqual({ code: 'unavailable', message: expect.stringContaining('(connection refused)') });
    expect(started.all.waits).toHaveLength(LIMITS.provider_requests_max - 1);
  });
});

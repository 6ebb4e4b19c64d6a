import { afterEach, describe, expect, it, vi } from 'vitest';
import { LIMITS } from '../../contract/limits.ts';
import type { Failure } from '../test-provider-server.ts';
import { startProviders } from '../test-providers.ts';
import { AWS_KEYS, AWS_REGION, type SsmOptions, ssmError, startSsm, throttling } from '../test-ssm.ts';

const PARAMETERS = {
  '/shop/production/db/url': 'postgres://needle-ssm',
  '/shop/production/TOKEN': 'needle-ssm',
  '/shop/staging/TOKEN': 'another',
};
const NEEDLES = ['needle-ssm', AWS_KEYS.secret_access_key, AWS_KEYS.access_key_id];

interface StartOptions extends SsmOptions {
  left_ms?: number;
  parameters?: Record<string, string>;
  provider?: Record<string, unknown>;
}

async function start({ left_ms, parameters = PARAMETERS, provider = {}, ...options }: StartOptions = {}) {
  const ssm = await startSsm(parameters, options);
  const all = await startProviders(left_ms === undefined ? {} : { left_ms });
  const base = { kind: 'aws_ssm', region: AWS_REGION, path: '/shop/production', endpoint: ssm.endpoint };
  all.set({ ...base, ...AWS_KEYS, ...provider });
  return {
    ...{ ssm, all, base },
    async [Symbol.asyncDispose]() {
      await ssm[Symbol.asyncDispose]();
      await all[Symbol.asyncDispose]();
    },
  };
}

afterEach(() => vi.unstubAllEnvs());

describe('secrets of AWS Parameter Store', () => {
  it('are the parameters beneath a path, decrypted, each named by what comes after it', async () => {
    await using started = await start();
    const { ssm, all } = started;
    expect(await all.pull()).toEqual({ DB_URL: 'postgres://needle-ssm', TOKEN: 'needle-ssm' });
    expect(JSON.parse(ssm.requests[0]?.body ?? '')).toEqual({ Path: '/shop/production', Recursive: true, WithDecryption: true });
  });

  it('come page by page, also where a page is empty', async () => {
    const parameters = Object.fromEntries(
      Array.from({ length: 25 }, (_, index) => [`/shop/production/V${index}`, `value ${index}`]),
    );
    await using started = await start({ parameters, empty_pages: 2 });
    const { ssm, all } = started;
    const pulled = await all.pull();
    expect(Object.keys(pulled)).toHaveLength(25);
    expect(pulled.V24).toBe('value 24');
    expect(ssm.requests.map(({ body }) => (JSON.parse(body) as { NextToken?: string }).NextToken)).toEqual([
      undefined,
      '1',
      '2',
      '3',
      '4',
    ]);
  });

  it('are not asked for without end', async () => {
    await using started = await start({ empty_pages: Number.POSITIVE_INFINITY });
    expect((await started.all.failure()).message).toContain('has more parameters than an app can be given');
    expect(started.ssm.requests).toHaveLength(LIMITS.provider_pages_max);
  });

  it('are read from the root as well', async () => {
    await using started = await start({ provider: { path: '/' } });
    expect(Object.keys(await started.all.pull())).toEqual([
      'SHOP_PRODUCTION_DB_URL',
      'SHOP_PRODUCTION_TOKEN',
      'SHOP_STAGING_TOKEN',
    ]);
  });

  it('are asked for with the credentials that the host has, where the provider has none', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', AWS_KEYS.access_key_id);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', AWS_KEYS.secret_access_key);
    await using started = await start();
    started.all.set(started.base);
    expect(started.all.records.list()[0]?.provider).toMatchObject({ credentials: 'host' });
    expect(await started.all.pull()).toMatchObject({ TOKEN: 'needle-ssm' });
  });

  it('cannot be asked for where the host has no credentials either', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE', 'AWS_WEB_IDENTITY_TOKEN_FILE'])
      vi.stubEnv(name, '');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials');
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config');
    await using started = await start();
    started.all.set(started.base);
    const { code, message } = await started.all.failure();
    expect({ code, message }).toEqual({
      code: 'unprocessable',
      message: expect.stringContaining('this server has no credentials for AWS'),
    });
    expect(started.ssm.requests).toEqual([]);
  });

  it('send a session token with the keys', async () => {
    await using started = await start({ provider: { session_token: 'a-session' } });
    await started.all.pull();
    expect(started.ssm.requests[0]?.headers['x-amz-security-token']).toBe('a-session');
  });

  const refusals: [string, StartOptions, RegExp][] = [
    [
      'keys that AWS does not know',
      { provider: { access_key_id: 'AKIAIOSFODNN7UNKNOWN' } },
      /does not take the credentials as valid/,
    ],
    [
      'a secret key that is not of the other',
      { provider: { secret_access_key: 'wrong' } },
      /does not take the credentials as valid/,
    ],
    [
      'a path that the keys may not read',
      { allowed: '/blog' },
      /may not read \/shop\/production; allow them ssm:GetParametersByPath/,
    ],
    ['a path with nothing beneath it', { parameters: {} }, /there is nothing in \/shop\/production of eu-central-1/],
    [
      'a parameter that gives no name',
      { parameters: { '/shop/production/api-key': 'needle-ssm' } },
      /"api-key" in \/shop\/production of eu-central-1 gives no name of a variable \("API-KEY"\); rename it/,
    ],
    [
      'two parameters of one name',
      { parameters: { '/shop/production/db/url': 'needle-ssm', '/shop/production/DB_URL': 'needle-ssm' } },
      /"db\/url" and "DB_URL" in \/shop\/production of eu-central-1 are both named "DB_URL"/,
    ],
  ];
  it.each(refusals)('are refused, and not asked for again, with %s', async (_what, options, message) => {
    await using started = await start(options);
    const failed = await started.all.failure();
    expect(failed).toMatchObject({ code: 'unprocessable', message: expect.stringMatching(message) });
    for (const needle of NEEDLES) expect(JSON.stringify(failed)).not.toContain(needle);
    expect(started.ssm.requests).toHaveLength(1);
  });

  const passing: [string, Failure][] = [
    ['throttles', throttling()],
    ['throttles by status', ssmError('TooManyRequestsException', 'no', 429, { 'retry-after': '2' })],
    ['has a fault', ssmError('InternalServerError', 'An error occurred on the server side.', 500)],
    ['hangs up', 'dropped'],
  ];
  it.each(passing)('are asked for again when it %s, page for page', async (_what, failure) => {
    await using started = await start({ empty_pages: 1 });
    const { ssm, all } = started;
    ssm.failures.push(failure, failure);
    expect(await all.pull()).toMatchObject({ TOKEN: 'needle-ssm' });
    expect(ssm.requests).toHaveLength(4);
    expect(all.waits[0]).toBe(typeof failure === 'object' && failure.status === 429 ? 2_000 : 250);
  });

  it('are given up when it throttles on', async () => {
    await using started = await start();
    started.ssm.failures.push(...Array.from({ length: 10 }, throttling));
    const { code, message } = await started.all.failure();
    expect({ code, message }).toEqual({
      code: 'unavailable',
      message: expect.stringContaining('is asked too often; try again in a minute'),
    });
    expect(started.ssm.requests).toHaveLength(LIMITS.provider_requests_max);
  });

  const wrong: [string, Failure, RegExp][] = [
    ['keys that have expired', ssmError('ExpiredTokenException', 'needle-ssm'), /the credentials for AWS have expired/],
    ['a key of KMS that cannot be used', ssmError('InvalidKeyId', 'needle-ssm'), /cannot be used; look at it in KMS/],
    [
      'another refusal',
      ssmError('ValidationException', 'needle-ssm'),
      /refuses to give \/shop\/production \(ValidationException, status 400\)/,
    ],
    ['an answer without end', 'endless', /its answer is larger than 2097152 bytes/],
    ['an answer that is no JSON', { status: 200, body: 'needle-ssm' }, /is not understood \(status 200\); look at its endpoint/],
    ['a parameter without a value', { status: 200, body: '{"Parameters":[{"Name":"/a"}]}' }, /is not understood \(status 200\)/],
    ['an error that is no JSON', { status: 403, body: '<html>needle-ssm' }, /AWS Parameter Store .*403/],
  ];
  it.each(wrong)('are refused with %s, and nothing of what it says is told', async (_what, failure, message) => {
    await using started = await start();
    started.ssm.failures.push(failure);
    const failed = await started.all.failure();
    expect(failed.message).toMatch(message);
    for (const needle of NEEDLES) expect(JSON.stringify(failed)).not.toContain(needle);
  });

  it('that do not come in time are not taken, nor after the caller has gone', async () => {
    await using slow = await start({ left_ms: 300 });
    slow.ssm.failures.push('silent', 'silent');
    expect((await slow.all.failure()).message).toContain('AWS Parameter Store cannot be reached (no answer within 1 s)');
    await using started = await start();
    started.ssm.failures.push('silent');
    const caller = new AbortController();
    const outcome = expect(started.all.pull(undefined, caller.signal)).rejects.toThrow('the caller has gone');
    await expect.poll(() => started.ssm.requests.length).toBe(1);
    caller.abort(new Error('the caller has gone'));
    await outcome;
    await expect.poll(() => started.ssm.abandoned()).toBe(1);
  });
});

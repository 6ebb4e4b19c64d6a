import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lastFailureOfCaddy, windowFor, withoutCare, withRenewal } from './caddy.ts';
import type { CaddyMachine } from './ports.ts';

const DOMAIN = 'shop.example.com';
const { signal } = new AbortController();
const unused = () => Promise.reject(new Error('not asked for'));
const logging = (lines: object[]): CaddyMachine => ({
  readStored: unused,
  readConfig: unused,
  loadConfig: unused,
  readLog: async () => ['not JSON', '{"broken', ...lines.map((line) => JSON.stringify(line))],
});
/** As Caddy 2.6.2 writes them. */
const WILL_RETRY = {
  ...{ level: 'error', ts: 1795879870.0720134, logger: 'tls.renew', msg: 'will retry', attempt: 1, retrying_in: 60 },
  error: `[${DOMAIN}] Renew: [${DOMAIN}] solving challenge: ${DOMAIN}: [${DOMAIN}] authorization failed: HTTP 403 urn:ietf:params:acme:error:unauthorized - 192.0.2.1: Invalid response: 404 (ca=https://localhost:15140/dir)`,
};
const NOISE = [
  {
    level: 'warn',
    ts: 1795879871,
    logger: 'tls',
    msg: 'stapling OCSP',
    error: `no OCSP stapling for [${DOMAIN}]`,
    identifiers: [DOMAIN],
  },
  {
    level: 'error',
    ts: 1795879872,
    logger: 'http.acme_client',
    msg: 'challenge failed',
    identifier: DOMAIN,
    error: 'one of several',
  },
  {
    level: 'error',
    ts: 1795879873,
    logger: 'tls',
    msg: 'job failed',
    error: `${DOMAIN}: renewing certificate: context canceled`,
  },
];
const OBTAINED = {
  level: 'info',
  ts: 1795879880,
  logger: 'tls.obtain',
  msg: 'certificate obtained successfully',
  identifier: DOMAIN,
};
const last = (lines: object[], since = new Date(0)) => lastFailureOfCaddy(logging(lines), DOMAIN, since, signal);

describe("what Caddy's log says of a name", () => {
  it('is its last failure, in the words of the authority', async () => {
    expect(await last([WILL_RETRY, ...NOISE])).toEqual({
      at: new Date(1795879870072),
      message: '192.0.2.1: Invalid response: 404. Check that its DNS points here and that port 80 is open.',
      is_rate_limited: false,
      retry_after: null,
    });
    const down = {
      ...WILL_RETRY,
      error: `[${DOMAIN}] Obtain: [${DOMAIN}] creating new order: Head "https://x": dial tcp 127.0.0.1:1: connect: connection refused (ca=https://x/dir)`,
    };
    expect((await last([down]))?.message).toMatch(/^The authority does not answer \(\[shop/);
    const limited = {
      ...WILL_RETRY,
      error: `[${DOMAIN}] Obtain: HTTP 429 urn:ietf:params:acme:error:rateLimited - too many certificates, retry after 2026-12-01 10:00:00 UTC (ca=https://x/dir)`,
    };
    expect(await last([limited])).toMatchObject({ is_rate_limited: true, retry_after: new Date('2026-12-01T10:00:00Z') });
  });

  it('is nothing once it was obtained, for another name, or before', async () => {
    expect(await last([WILL_RETRY, OBTAINED])).toBeNull();
    expect(await last(NOISE)).toBeNull();
    expect(await last([{ ...WILL_RETRY, error: WILL_RETRY.error.replaceAll(DOMAIN, `x${DOMAIN}`) }])).toBeNull();
    expect(await last([WILL_RETRY], new Date(1795879871000))).toBeNull();
    expect(await last([OBTAINED, WILL_RETRY])).not.toBeNull();
  });
});

describe('the configuration in which Caddy renews one name', () => {
  const issuers = [{ module: 'acme', ca: 'https://ca/dir' }];
  const config = (policies?: object[]) => ({
    admin: {},
    apps: { http: { servers: {} }, tls: policies && { automation: { policies } } },
  });
  const policiesOf = (made: unknown) => (made as ReturnType<typeof config>).apps.tls?.automation.policies;

  it('has a policy for it that is like the one it had, and the others as they were', () => {
    const own = { subjects: ['a.example.com', DOMAIN], issuers, key_type: 'p384' };
    const rest = { issuers: [{ module: 'internal' }] };
    const given = config([own, rest]);
    const made = withRenewal(given, DOMAIN, 0.9);
    expect(policiesOf(made)).toEqual([
      { ...own, '@id': 'nextdeploy-renewal', subjects: [DOMAIN], renewal_window_ratio: 0.9 },
      { ...own, subjects: ['a.example.com'] },
      rest,
    ]);
    expect(given).toEqual(config([own, rest]));
    expect(policiesOf(withRenewal(config([{ ...own, subjects: [DOMAIN] }, rest]), DOMAIN, 0.9))).toHaveLength(2);
    expect(policiesOf(withRenewal(config([{ subjects: ['*.example.com'], issuers }, rest]), DOMAIN, 0.9))?.[0]).toMatchObject({
      issuers,
    });
    expect(policiesOf(withRenewal(config([rest]), DOMAIN, 0.9))?.[0]).toMatchObject(rest);
    expect(policiesOf(withRenewal(config(), DOMAIN, 0.9))).toEqual([
      { '@id': 'nextdeploy-renewal', subjects: [DOMAIN], renewal_window_ratio: 0.9 },
    ]);
  });

  it('serves it from its files in between', () => {
    const files = { certificate: '', certificate_path: '/c/x.crt', key_path: '/c/x.key' };
    const made = withoutCare({ apps: { tls: { certificates: { automate: [DOMAIN, 'b.example.com'] } } } }, DOMAIN, files);
    expect(made).toEqual({
      apps: {
        tls: {
          certificates: {
            automate: ['b.example.com'],
            load_files: [{ certificate: '/c/x.crt', key: '/c/x.key', tags: ['nextdeploy-renewal'] }],
          },
        },
      },
    });
  });

  it('has a window in which the certificate is and the next one is not, for half as long as it had lived', () => {
    const lengths = fc.integer({ min: 600_000, max: 800 * 86_400_000 });
    fc.assert(
      fc.property(lengths, fc.double({ min: 0.000_01, max: 1, noNaN: true }), (length, part) => {
        const now = 1_800_000_000_000;
        const from = now - length * part;
        const ratio = windowFor({ not_before_ms: from, not_after_ms: from + length }, now);
        const startsAt = (not_before: number) => not_before + length * (1 - ratio);
        expect(startsAt(from)).toBeLessThan(now);
        expect(startsAt(now)).toBeGreaterThan(now + Math.min((length * part) / 2, length / 2) * 0.999);
      }),
    );
  });
});

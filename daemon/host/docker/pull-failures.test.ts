import { describe, expect, it } from 'vitest';
import { checkFailure, foreignPlatform, isRunnable, missingLead, pullFailure } from './pull-failures.ts';

const SHOP = { reference: 'r.test:5000/shop/web:1.0', login: 'request' } as const;
const said = (detail: string, attempt: Parameters<typeof pullFailure>[0] = SHOP) => pullFailure(attempt, detail).message;

/** As Docker 20.10 and 28.5 said it, to pulls and to checks. */
describe('a pull that fails', () => {
  it.each([
    [
      'Head "http://r.test:5000/v2/shop/web/manifests/1.0": no basic auth credentials',
      'refuses the user or password in `registry`. Check',
    ],
    ['unauthorized: authentication required', 'refuses the user or password in `registry`. Check'],
    ['Get "https://registry-1.docker.io/v2/": unauthorized: incorrect username or password', 'refuses the user or password'],
    [
      "pull access denied for shop/web, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
      'has no repository r.test:5000/shop/web that this account may read',
    ],
    [
      'errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required',
      'that this account may read',
    ],
    ['error parsing HTTP 403 response body: no error details found in HTTP response body: "{}"', 'that this account may read'],
    [
      'manifest for r.test:5000/shop/web:1.0 not found: manifest unknown: manifest unknown',
      'has no tag 1.0 of r.test:5000/shop/web',
    ],
    [
      'failed to resolve reference "r.test:5000/shop/web:1.0": r.test:5000/shop/web:1.0: not found',
      'has no tag 1.0 of r.test:5000/shop/web',
    ],
    ['name unknown: repository name not known to registry', 'has no tag 1.0'],
    [
      'Get "https://r.test:5000/v2/": dial tcp: lookup r.test on 10.0.0.53:53: no such host',
      'its registry r.test:5000 cannot be reached (Get',
    ],
    ['Get "http://r.test:5000/v2/": dial tcp 10.0.0.1:5000: connect: connection refused', 'cannot be reached'],
    [
      'Get "https://r.test:5000/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
      'cannot be reached',
    ],
    [
      'Get "https://r.test:5000/v2/": http: server gave HTTP response to HTTPS client',
      'speaks HTTP without TLS. Give it a certificate, or add r.test:5000 to "insecure-registries"',
    ],
    ['Get "https://r.test:5000/v2/": x509: certificate signed by unknown authority', '/etc/docker/certs.d/r.test:5000/ca.crt'],
    ['toomanyrequests: You have reached your pull rate limit.', '(rate limit). Wait'],
    [
      'no matching manifest for linux/amd64 in the manifest list entries',
      'is not made for this host (no matching manifest for linux/amd64',
    ],
    ['write /var/lib/docker/tmp/GetImageBlob1: no space left on device', "Docker's disk is full"],
    [
      'failed to register layer: Error processing tar file(exit status 1): write /a: no space left on device',
      "Docker's disk is full",
    ],
    [
      'received unexpected HTTP status: 503 Service Unavailable',
      'cannot be pulled: received unexpected HTTP status: 503 Service Unavailable. Check',
    ],
  ])('with %j says what to do', (detail, expected) => {
    expect(said(detail)).toContain(expected);
    expect(said(detail)).toMatch(/^The image r\.test:5000\/shop\/web:1\.0 cannot be pulled: .+\. .+\.$/);
  });

  it('asks for credentials where there were none, and says which were refused', () => {
    const detail = 'unauthorized: authentication required';
    expect(said(detail, { ...SHOP, login: null })).toContain('asks for a login. Give user and password in `registry`');
    expect(said(detail, { ...SHOP, login: 'host' })).toContain('that `docker login r.test:5000` stored on the server');
  });

  it('names the digest where there is one', () => {
    const digest = `sha256:${'1'.repeat(64)}`;
    const attempt = { reference: `shop:v1@${digest}`, login: null };
    expect(said('manifest unknown', attempt)).toContain(`its registry docker.io has no digest ${digest} of shop`);
  });
});

describe('a check that fails', () => {
  it('says that the image is not here either, or nothing when it cannot know', () => {
    const lead = missingLead(SHOP.reference, null);
    expect(checkFailure(SHOP, lead, 'manifest unknown')?.message).toMatch(
      /^The image r\.test:5000\/shop\/web:1\.0 does not exist on this host, and its registry/,
    );
    expect(checkFailure(SHOP, lead, 'received unexpected HTTP status: 503 Service Unavailable')).toBeNull();
  });
});

describe('the platform of an image', () => {
  const host = { os: 'linux', architecture: 'amd64' };

  it.each([
    ['linux', 'amd64', true],
    ['linux', '386', true],
    ['', '', true],
    ['linux', 'arm64', false],
    ['linux', 'arm', false],
    ['windows', 'amd64', false],
  ])('%s/%s on linux/amd64 runs: %s', (os, architecture, runs) => {
    expect(isRunnable({ os, architecture }, host)).toBe(runs);
  });

  it('that does not fit is told with the one that would', () => {
    expect(foreignPlatform('shop:v1', [{ os: 'linux', architecture: 'arm64' }], host).message).toBe(
      'The image shop:v1 is made for linux/arm64, but this host is linux/amd64; build it with `docker build --platform linux/amd64`.',
    );
  });
});

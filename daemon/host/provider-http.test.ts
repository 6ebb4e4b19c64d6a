import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startProviderServer } from '../secrets/test-provider-server.ts';
import { providerHttp } from './provider-http.ts';

const signal = new AbortController().signal;
const get = (url: string, more: object = {}) =>
  providerHttp.send({ method: 'GET', url: new URL(url), headers: {}, ...more }, 5_000, signal);

it('gives status, headers and body, and when to come back, in seconds or as a date', async () => {
  await using server = await startProviderServer(() => ({ status: 418, headers: { 'x-a': 'b' }, body: 'tea' }));
  const answered = await get(server.endpoint);
  expect(answered).toMatchObject({
    kind: 'answered',
    status: 418,
    headers: { 'x-a': 'b' },
    wait_ms: null,
    body: Buffer.from('tea'),
  });
  const waits = ['3', new Date(Date.now() + 60_000).toUTCString(), new Date(0).toUTCString(), 'soon', '-1', '1e9'];
  for (const wait of waits) server.failures.push({ status: 429, headers: { 'retry-after': wait }, body: '' });
  const found = [];
  for (const _ of waits) found.push(await get(server.endpoint));
  const waited = found.map((outcome) => (outcome.kind === 'answered' ? outcome.wait_ms : 'unanswered'));
  expect(waited).toEqual([3_000, expect.any(Number), 0, null, null, null]);
  expect(waited[1]).toBeGreaterThan(50_000);
});

it('connects to no link-local address', async () => {
  for (const host of ['169.254.169.254', '[fe80::1]', '[::ffff:169.254.169.254]'])
    expect(await get(`http://${host}/latest/meta-data`)).toEqual({
      ...{ kind: 'unanswered', is_passing: false, reason: expect.stringContaining('link-local') },
    });
});

it('says of what it cannot send, or does not understand, nothing that was in it', async () => {
  const sent = await get('http://127.0.0.1:1', { headers: { authorization: 'Bearer needle\n' } });
  expect(sent).toEqual({ kind: 'unanswered', reason: 'the request cannot be sent', is_passing: false });
});

it('trusts no certificate that the server does not', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nextdeploy-tls-'));
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=localhost'];
  execFileSync('openssl', [...made, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) =>
    response.end('hello'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo; // bound to an address and port
    const outcome = await get(`https://127.0.0.1:${port}`);
    expect(outcome).toMatchObject({ kind: 'unanswered', is_passing: false });
    expect(outcome.kind === 'unanswered' && outcome.reason).toMatch(/its certificate is not trusted here, [A-Z_]+$/);
  } finally {
    server.close();
    rmSync(directory, { recursive: true });
  }
});

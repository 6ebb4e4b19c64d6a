/** Certificates on a real server behind both proxies, from an authority of its own: obtained, renewed, refused, served. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import type { DaemonClient } from '../../daemon/api/client.ts';
import { fingerprintOf } from '../../daemon/certs/pem.ts';
import { createTestAuthority, type TestAuthority } from '../../daemon/certs/test-authority.ts';
import type { Certificate } from '../../daemon/contract/certificates.ts';
import { DomainError } from '../../daemon/contract/errors.ts';
import type { ProxyType } from '../../daemon/contract/names.ts';
import type { Bed } from '../bed/bed.ts';
import { type Pebble, startPebble } from '../bed/pebble.ts';
import { sharedBed } from '../bed/shared.ts';
import { expectSuccess } from '../bench/server-tools.ts';
import { LOST_IN_RELOAD_MAX } from '../chaos/load.ts';
import { startWrk } from '../load/wrk.ts';
import { type Deploy, deploy, failureOf, until } from './engine-harness.ts';

const CONFIG = '/etc/nextdeploy/config.yml';
const CADDYFILE = '/etc/caddy/Caddyfile';
const CERTS = '/etc/nextdeploy/certs';
const SITES = { caddy: 'caddy.certs.example.com', nginx: 'nginx.certs.example.com' } as const;
const BROKEN = 'broken.certs.example.com';
const OWN = 'own.certs.example.com';
const APPS = { caddy: 'crt-caddy', nginx: 'crt-nginx', broken: 'crt-broken', own: 'crt-own' } as const;
const PROXIES: ProxyType[] = ['caddy', 'nginx'];
const ORDER_MS_MAX = 120_000;
/** Caddy reads its configuration so often when it is had to renew one name now; when it renews by itself, never. */
const LOADS_OF_A_RENEWAL = 3;

let bed: Bed;
let client: DaemonClient;
let images: { v1: string; v2: string };
let pebble: Pebble;
let authority: TestAuthority;
let directory: string;
let before: { config: string; caddyfile: string };
let since = 0;

beforeAll(async () => {
  ({ bed, client, images } = await sharedBed());
  authority = createTestAuthority();
  directory = await mkdtemp(join(tmpdir(), 'nextdeploy-e2e-certs-'));
  pebble = await startPebble(bed);
  before = { config: await expectSuccess(bed, ['cat', CONFIG]), caddyfile: await expectSuccess(bed, ['cat', CADDYFILE]) };
  const config = parseDocument(before.config);
  config.setIn(['certificates'], { acme_directory: pebble.directory, acme_ca_root: pebble.ca_root, email: 'ops@example.com' });
  // The authority asks at port 80, which is Caddy's on this server: it passes the challenges of nginx's names on. Each on a connection of its
  // own, as the authority would: Caddy may have opened one that it has not used yet, and a worker of nginx from before a reload answers on it.
  const names = [SITES.nginx, BROKEN].map((name) => `http://${name}`).join(', ');
  const passing = `${before.caddyfile}\n${names} {\n\treverse_proxy 127.0.0.1:8080 {\n\t\ttransport http {\n\t\t\tkeepalive off\n\t\t}\n\t}\n}\n`;
  await configure({ config: config.toString(), caddyfile: passing });
  since = (await client.call('listEvents', { query: { limit: 1 } })).at(-1)?.seq ?? 0;
});

afterAll(async () => {
  for (const name of Object.values(APPS))
    await client.call('removeApp', { params: { name }, query: { wait: 'true', purge: 'true' } }).catch(() => undefined);
  await configure(before);
  await expectSuccess(bed, ['rm', '-rf', CERTS]);
  await pebble.stop();
  await rm(directory, { recursive: true });
  authority.close();
  client.close();
});

async function configure({ config, caddyfile }: { config: string; caddyfile: string }): Promise<void> {
  await expectSuccess(bed, ['tee', CONFIG], { input: config });
  await expectSuccess(bed, ['tee', CADDYFILE], { input: caddyfile });
  await expectSuccess(bed, ['systemctl', 'reload', 'caddy']);
  await bed.exec(['systemctl', 'reset-failed', 'nextdeployd']);
  await expectSuccess(bed, ['systemctl', 'restart', 'nextdeployd']);
  await until(
    'the daemon',
    () => client.call('getVersion'),
    () => true,
  );
}

const serve = (proxy: ProxyType, app_name: string, domain: string, more: Partial<Deploy> = {}) =>
  deploy(client, { app_name, image: images.v1, domain, proxy, ...more });

async function certificate(domain: string): Promise<Certificate | undefined> {
  return (await client.call('listCertificates')).find((one) => one.domain === domain);
}

const inState = (domain: string, state: Certificate['state']) =>
  until(
    `the certificate of ${domain} as ${state}`,
    () => certificate(domain),
    (seen) => seen?.state === state,
    ORDER_MS_MAX,
  );

async function events(kind: string): Promise<string[]> {
  const all = await client.call('listEvents', { query: { after: since, limit: 1000 } });
  return all.filter((event) => event.kind === kind).map(({ message }) => message);
}

/** Waits for the order's end also where that takes longer than an answer may. */
async function renew(domain: string): Promise<Certificate> {
  const asked_at = (await certificate(domain))?.last_attempt?.at;
  try {
    return await client.call('renewCertificate', { body: { domain }, timeout_ms: ORDER_MS_MAX });
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== 'unavailable') throw error;
    const isOver = (seen: Certificate | undefined) => seen?.last_attempt != null && seen.last_attempt.at !== asked_at;
    const seen = await until('the end of the order', () => certificate(domain), isOver, ORDER_MS_MAX);
    if (seen?.last_attempt?.ok) return seen;
    throw new DomainError('unprocessable', `No new certificate of ${domain} could be obtained: ${seen?.last_attempt?.message}`);
  }
}

const refusal = (asked: Promise<unknown>) =>
  asked.then(
    () => Promise.reject(new Error('it was done')),
    (error: DomainError) => error,
  );

const portOf = (proxy: ProxyType) => Number(new URL(proxy === 'caddy' ? bed.https : bed.nginx.https).port);

/** As a browser: with the name, and trusting this root alone. */
async function visitSecurely(proxy: ProxyType, domain: string, root: string): Promise<string> {
  const file = join(directory, 'root.pem');
  await writeFile(file, root);
  const to = ['--resolve', `${domain}:${portOf(proxy)}:127.0.0.1`, `https://${domain}:${portOf(proxy)}/`];
  const { stdout } = await promisify(execFile)('curl', ['--silent', '--show-error', '--fail', '--cacert', file, ...to]);
  return stdout.trim();
}

/**
 * By the name, which wrk knows from a hosts file that it alone sees. Each request makes a connection of its own, and so a handshake: a reload
 * closes those that are idle between two requests, which wrk counts as errors.
 */
async function load(proxy: ProxyType, domain: string) {
  const hosts = join(directory, 'hosts');
  await writeFile(hosts, `127.0.0.1 localhost ${Object.values(SITES).join(' ')}\n`);
  const script = 'mount --bind "$0" /etc/hosts && exec wrk "$@"';
  const command: [string, ...string[]] = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, hosts];
  return startWrk({
    url: `https://${domain}:${portOf(proxy)}/`,
    connections: 8,
    seconds_max: 120,
    is_paced: true,
    headers: ['Connection: close'],
    command,
  });
}

describe('a certificate', { timeout: 2 * ORDER_MS_MAX }, () => {
  it('is obtained for a new domain behind either proxy, and served', async () => {
    await Promise.all(PROXIES.map((proxy) => serve(proxy, APPS[proxy], SITES[proxy])));
    const root = await pebble.readRoot();
    for (const proxy of PROXIES) {
      const seen = await inState(SITES[proxy], 'ok');
      expect(seen).toMatchObject({ app_name: APPS[proxy], proxy, source: proxy === 'caddy' ? 'caddy' : 'certbot' });
      expect(seen?.served).toMatchObject({ names: [SITES[proxy]], issuer: expect.stringContaining('Pebble') });
      expect(seen?.served?.fingerprint).toBe(seen?.stored?.fingerprint);
      expect(Date.parse(seen?.next_renewal_at ?? '')).toBeLessThan(Date.parse(seen?.served?.not_after ?? ''));
      expect(await visitSecurely(proxy, SITES[proxy], root)).toBe('v1');
      const told = () => events('certificate.renewed');
      await until('the event', told, (all) => all.some((message) => message.includes(`${SITES[proxy]} was obtained`)));
    }
    const key = await expectSuccess(bed, ['stat', '--dereference', '--format=%a %U', `${CERTS}/${SITES.nginx}.key`]);
    expect(key.trim()).toBe('600 root');
    // The operator's own certbot has been left alone.
    expect((await bed.exec(['ls', '/etc/letsencrypt/live', '/etc/letsencrypt/accounts'])).code).not.toBe(0);
  });

  it.each(PROXIES)('is renewed under load without an error beyond what its reloads cost behind %s', async (proxy) => {
    const domain = SITES[proxy];
    const old = await certificate(domain);
    const running = await load(proxy, domain);
    const renewed = await renew(domain);
    const result = await running.stop();
    expect(renewed).toMatchObject({ state: 'ok', last_attempt: { ok: true } });
    expect(renewed.served?.fingerprint).not.toBe(old?.served?.fingerprint);
    expect(renewed.served?.fingerprint).toBe(renewed.stored?.fingerprint);
    expect(result.non_2xx).toBe(0);
    expect(result.socket_errors_total).toBeLessThanOrEqual(LOADS_OF_A_RENEWAL * LOST_IN_RELOAD_MAX[proxy]);
    expect(result.requests).toBeGreaterThan(50);
    expect(await visitSecurely(proxy, domain, await pebble.readRoot())).toBe('v1');
    expect((await events('certificate.renewed')).filter((message) => message.includes(`${domain} was renewed`))).toHaveLength(1);
    expect(await events('certificate.mismatched')).toEqual([]);
  });

  it('that cannot be obtained is told of once, says why, and breaks no site', async () => {
    await pebble.breakName(BROKEN);
    await serve('nginx', APPS.broken, BROKEN);
    const message = await until(
      'the failure',
      async () => (await events('certificate.failed'))[0],
      (one) => one !== undefined,
      ORDER_MS_MAX,
    );
    expect(message).toContain(`No new certificate of ${BROKEN} could be obtained`);
    const seen = await certificate(BROKEN);
    expect(seen).toMatchObject({ state: 'pending', served: null, stored: null, last_attempt: { ok: false } });
    expect(seen?.detail).toContain(seen?.last_attempt?.message);
    expect(Date.parse(seen?.next_renewal_at ?? '')).toBeGreaterThan(Date.now() + 30 * 60_000);
    expect((await refusal(renew(BROKEN))).code).toBe('unprocessable');
    expect(await events('certificate.failed')).toHaveLength(1);
    expect(await visitSecurely('nginx', SITES.nginx, await pebble.readRoot())).toBe('v1');
    await pebble.mendName(BROKEN);
    expect(await renew(BROKEN)).toMatchObject({ state: 'ok' });
  });

  it.each(PROXIES)('behind %s is left as it is by an authority that is down, or limits orders', async (proxy) => {
    const domain = SITES[proxy];
    const old = await certificate(domain);
    const root = await pebble.readRoot();
    await pebble.limitOrders(new Date(Date.now() + 3_600_000).toISOString());
    const limited = await refusal(renew(domain));
    expect(limited.message).toContain('The authority limits requests: too many certificates');
    // Nobody is asked again before that.
    expect((await refusal(renew(domain))).message).toMatch(/takes no order for .* before/);
    await pebble.limitOrders(null);
    expect(await certificate(domain)).toMatchObject({ state: 'ok', served: { fingerprint: old?.served?.fingerprint } });
    expect(await visitSecurely(proxy, domain, root)).toBe('v1');
  });

  it('behind either proxy serves on while the authority is down', async () => {
    const root = await pebble.readRoot();
    await pebble.down();
    const error = await refusal(renew(BROKEN));
    expect(error.message).toMatch(/^No new certificate of/);
    for (const proxy of PROXIES) expect(await visitSecurely(proxy, SITES[proxy], root)).toBe('v1');
    await pebble.up();
  });

  it('that is not the one that is kept is told of, once', async () => {
    const other = authority.issue([SITES.nginx]);
    const [crt, key] = [`${CERTS}/${SITES.nginx}.crt`, `${CERTS}/${SITES.nginx}.key`];
    const good = { crt: await expectSuccess(bed, ['cat', crt]), key: await expectSuccess(bed, ['cat', key]) };
    const swap = async (pair: { crt: string; key: string }) => {
      await expectSuccess(bed, ['tee', crt], { input: pair.crt });
      await expectSuccess(bed, ['tee', key], { input: pair.key });
    };
    // Somebody has nginx read others, and puts back what was there.
    await swap({ crt: other.certificate, key: other.key });
    await expectSuccess(bed, ['systemctl', 'reload', 'nginx']);
    const print = fingerprintOf(new X509Certificate(other.certificate));
    await until(
      'the other one',
      () => certificate(SITES.nginx),
      (seen) => seen?.served?.fingerprint === print,
    );
    await swap(good);
    const seen = await inState(SITES.nginx, 'mismatched');
    expect(seen?.detail).toContain('systemctl reload nginx');
    await inState(SITES.nginx, 'mismatched');
    expect(await events('certificate.mismatched')).toHaveLength(1);
    await expectSuccess(bed, ['systemctl', 'reload', 'nginx']);
    await inState(SITES.nginx, 'ok');
  });
});

describe('an imported certificate', { timeout: ORDER_MS_MAX }, () => {
  const own = (names = [OWN], options = {}) => {
    const { certificate: leaf, key } = authority.issue(names, options);
    return { domain: OWN, certificate: leaf + authority.intermediate + authority.root, key };
  };
  const importing = (body: { domain: string; certificate: string; key: string }) => client.call('importCertificate', { body });

  it('is asked for by a deploy that needs it, before anything has happened', async () => {
    const { error } = await failureOf(serve('caddy', APPS.own, OWN, { tls: 'import' }));
    expect(error.message).toContain(
      `There is no imported certificate of ${OWN}; import it first with \`nextdeploy certs import ${OWN}`,
    );
    expect((await bed.exec(['docker', 'ps', '-aq', '--filter', `label=nextdeploy.app=${APPS.own}`])).stdout).toBe('');
  });

  it('is refused with the field where it is not good', async () => {
    const expired = await refusal(importing(own([OWN], { days: -1 })));
    expect(expired).toMatchObject({ code: 'invalid_request', details: [{ field: 'certificate' }] });
    const mixed = await refusal(importing({ ...own(), key: own().key }));
    expect(mixed).toMatchObject({ code: 'invalid_request', details: [{ field: 'key' }] });
    expect(await certificate(OWN)).toBeUndefined();
  });

  it.each(PROXIES)('is served by %s, so is its successor at once, and it goes only when nothing uses it', async (proxy) => {
    await importing(own());
    await serve(proxy, APPS.own, OWN, { tls: 'import' });
    const first = await certificate(OWN);
    expect(first).toMatchObject({ state: 'ok', source: 'imported', proxy, next_renewal_at: null });
    const owner = await expectSuccess(bed, ['stat', '--dereference', '--format=%a %U', `${CERTS}/${OWN}.key`]);
    expect(owner.trim()).toBe(`600 ${proxy === 'caddy' ? 'caddy' : 'root'}`);
    const next = await importing(own());
    expect(next.served?.fingerprint).not.toBe(first?.served?.fingerprint);
    expect(await visitSecurely(proxy, OWN, authority.root)).toBe('v1');
    expect((await refusal(client.call('removeCertificate', { params: { domain: OWN } }))).code).toBe('conflict');
    expect((await refusal(renew(OWN))).message).toContain('was imported');
    await client.call('removeApp', { params: { name: APPS.own }, query: { wait: 'true', purge: 'true' } });
    expect(await certificate(OWN)).toMatchObject({ state: 'ok', proxy: null });
    await client.call('removeCertificate', { params: { domain: OWN } });
    expect(await certificate(OWN)).toBeUndefined();
    expect((await bed.exec(['sh', '-c', `ls -a ${CERTS} ${CERTS}/.kept | grep ${OWN}`])).stdout).toBe('');
  });
});

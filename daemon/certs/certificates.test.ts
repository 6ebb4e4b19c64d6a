import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext, createServer, type SecureContext, type Server } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { DomainError } from '../contract/errors.ts';
import type { ProxyType, TlsMode } from '../contract/names.ts';
import type { NewEvent } from '../engine/ports.ts';
import type { RouteModel } from '../engine/state.ts';
import { CertificateFiles } from '../host/certificate-files.ts';
import { createServedCertificates } from '../host/certificate-served.ts';
import { Store } from '../host/store.ts';
import { ROUTE } from '../proxy/test-route.ts';
import { Certificates } from './certificates.ts';
import { CertifiedProxy } from './certified-proxy.ts';
import { fingerprintOf } from './pem.ts';
import type { Certbot, Pair } from './ports.ts';
import { createTestAuthority, type TestAuthority } from './test-authority.ts';

/**
 * The real files, database and TLS; in place of a proxy a server that reads its files when it is told to, in place of certbot the test's
 * authority. test/e2e/certificates.test.ts has the real ones.
 */
const DOMAIN = 'shop.example.com';
const DAY_MS = 86_400_000;
/** Everything that is waited for takes a fiftieth of its time. */
const HASTE = 50;
const { signal } = new AbortController();
let authority: TestAuthority;
beforeAll(() => {
  authority = createTestAuthority();
});
afterAll(() => authority.close());

let directory: string;
let server: Server;
let world: Awaited<ReturnType<typeof start>>;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-certificates-'));
  world = await start();
});
afterEach(async () => {
  world.stopping.abort();
  await world.running;
  world.store.close();
  server.close();
  rmSync(directory, { recursive: true });
});

const issue = (days = 90): Pair => {
  const { certificate, key } = authority.issue([DOMAIN], { days });
  return { certificate: certificate + authority.intermediate + authority.root, key };
};

interface State {
  offset_ms: number;
  is_installed: boolean;
  context: SecureContext | null;
  reloads: number;
  refuses_reloads: boolean;
}

async function start() {
  const stopping = new AbortController();
  // It is changed from without.
  const state = { offset_ms: 0, is_installed: true, context: null, reloads: 0, refuses_reloads: false } as State;
  const read = (suffix: string) => readFileSync(join(directory, 'certs', `${DOMAIN}.${suffix}`), 'utf8');
  server = createServer({ SNICallback: (_, done) => done(null, state.context ?? undefined) });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const reload = async () => {
    state.reloads += 1;
    if (state.refuses_reloads) throw new DomainError('unavailable', 'the proxy could not be reloaded');
    if (existsSync(join(directory, 'certs', `${DOMAIN}.crt`)))
      state.context = createSecureContext({ cert: read('crt'), key: read('key') });
  };
  const orders: Awaited<ReturnType<Certbot['order']>>[] = [];
  const asked: string[] = [];
  const events: Omit<NewEvent, 'ts'>[] = [];
  const routes: RouteModel[] = [];
  const store = new Store(':memory:');
  const proxy = { reloadCertificates: reload };
  const certificates = new Certificates({
    files: new CertificateFiles({ directory: join(directory, 'certs'), findOwner: async () => null }),
    askServed: createServedCertificates({ caddy: port, nginx: port }),
    caddy: {
      readStored: async () => [],
      readConfig: async () => null,
      loadConfig: async () => undefined,
      readLog: async () => [],
    },
    certbot: {
      isInstalled: async () => state.is_installed,
      order: async (domain) => {
        asked.push(domain);
        return orders.shift() ?? { ok: false, output: '  Type:   unauthorized\n  Detail: 404 at /.well-known\n', log: '' };
      },
    },
    store: store.certificates,
    proxies: { caddy: proxy, nginx: proxy },
    services: { caddy: 'caddy', nginx: 'nginx' },
    listRoutes: () => routes,
    findsIssuer: () => false,
    publishEvent: (event) => void events.push(event),
    clock: {
      now: () => new Date(Date.now() + state.offset_ms),
      monotonicMs: () => performance.now() * HASTE,
      sleep: (ms, ended) => sleep(ms / HASTE, undefined, { signal: ended }),
      timeout: (ms) => AbortSignal.timeout(ms),
    },
    warn: () => undefined,
    stopping: stopping.signal,
  });
  /** As the engine applies a route through a driver. */
  const driver = {
    check: async () => undefined,
    checkRemoval: async () => undefined,
    listApps: async () => [],
    differences: async (asked: readonly RouteModel[]) => asked.map(() => null),
    apply: async (_: string, route: RouteModel | null) => {
      routes.splice(0, 1, ...(route === null ? [] : [route]));
      await reload();
    },
  };
  const certified = new CertifiedProxy(driver, certificates);
  const running = certificates.run();
  return { stopping, state, orders, asked, events, routes, store, certificates, certified, running };
}

const route = (proxy: ProxyType, tls: TlsMode): RouteModel => ({
  ...ROUTE,
  proxy,
  sites: [{ domain: DOMAIN, tls }],
  redirects: [],
});
async function serve(proxy: ProxyType, tls: TlsMode): Promise<void> {
  await world.certified.check(signal, route(proxy, tls));
  await world.certified.apply('shop', route(proxy, tls), signal);
}
const look = async () => (await world.certificates.list(signal))[0];
const soon = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 10_000 });
/** And nothing more is done about it. */
const obtained = () =>
  soon(async () => {
    expect(kinds()).toContain('certificate.renewed');
    expect((await look())?.state).toBe('ok');
  });
const kinds = () => world.events.map(({ kind }) => kind);
const printOf = ({ certificate }: Pair) => fingerprintOf(new X509Certificate(certificate));

describe('behind nginx', () => {
  it('a site serves a placeholder, which is never called a certificate, until one is obtained', async () => {
    const good = issue();
    world.orders.push({ ok: true, pair: good });
    await serve('nginx', 'auto');
    const first = await look();
    if (first?.state !== 'ok') expect(first).toMatchObject({ state: 'pending', served: null, stored: null });
    await obtained();
    expect(await look()).toMatchObject({
      source: 'certbot',
      served: { fingerprint: printOf(good) },
      stored: { fingerprint: printOf(good) },
    });
    await soon(() => expect(kinds()).toEqual(['certificate.renewed']));
    expect(world.asked).toEqual([DOMAIN]);
  });

  it('a failure is told of once, tried again after an hour, and leaves what is served', async () => {
    await serve('nginx', 'auto');
    await soon(() => expect(kinds()).toEqual(['certificate.failed']));
    expect(await look()).toMatchObject({ state: 'pending', last_attempt: { ok: false } });
    expect((await look())?.detail).toContain('404 at /.well-known. Check that its DNS points here');
    await expect(world.certificates.renew(DOMAIN, signal)).rejects.toMatchObject({ code: 'unprocessable' });
    expect(kinds()).toEqual(['certificate.failed']);
    expect(world.asked).toHaveLength(2);
    world.orders.push({ ok: true, pair: issue() });
    // Two have failed: two hours.
    world.state.offset_ms = 1.9 * 3_600_000;
    await world.certified.apply('shop', route('nginx', 'auto'), signal);
    expect(world.asked).toHaveLength(2);
    world.state.offset_ms = 2.1 * 3_600_000;
    await world.certified.apply('shop', route('nginx', 'auto'), signal);
    await obtained();
    await soon(() => expect(kinds()).toEqual(['certificate.failed', 'certificate.renewed']));
  });

  it('one is renewed when a third is left, and warned about when that goes on failing', async () => {
    world.orders.push({ ok: true, pair: issue() });
    await serve('nginx', 'auto');
    await obtained();
    const apply = async (days: number) => {
      world.state.offset_ms = days * DAY_MS;
      await world.certified.apply('shop', route('nginx', 'auto'), signal);
      await soon(() => expect(world.asked.length).toBeGreaterThan(1));
    };
    world.state.offset_ms = 55 * DAY_MS;
    await world.certified.apply('shop', route('nginx', 'auto'), signal);
    expect((await look())?.next_renewal_at).not.toBeNull();
    expect(world.asked).toHaveLength(1);
    await apply(64);
    await soon(() => expect(kinds()).toContain('certificate.failed'));
    await apply(80);
    await soon(async () => expect((await look())?.state).toBe('expiring'));
    await look();
    await look();
    expect(kinds().filter((kind) => kind === 'certificate.expiring')).toHaveLength(1);
    world.state.offset_ms = 91 * DAY_MS;
    expect(await look()).toMatchObject({ state: 'expired' });
    expect(world.events.filter(({ kind }) => kind === 'certificate.expiring').map(({ level }) => level)).toEqual([
      'warning',
      'error',
    ]);
  });

  it('a limit is kept to, also by those who ask for more', async () => {
    const until = new Date(Date.now() + DAY_MS).toISOString().slice(0, 19);
    const output = `An unexpected error occurred:\ntoo many certificates already issued, retry after ${until.replace('T', ' ')} UTC\n`;
    world.orders.push({ ok: false, output, log: '' });
    await serve('nginx', 'auto');
    await soon(() => expect(kinds()).toEqual(['certificate.failed']));
    expect((await look())?.next_renewal_at).toBe(`${until}.000Z`);
    await expect(world.certificates.renew(DOMAIN, signal)).rejects.toThrow(/takes no order for .* before/);
    expect(world.asked).toHaveLength(1);
  });

  it('one that the proxy does not take leaves the one before', async () => {
    const good = issue();
    world.orders.push({ ok: true, pair: good });
    await serve('nginx', 'auto');
    await obtained();
    world.state.refuses_reloads = true;
    world.orders.push({ ok: true, pair: issue() });
    await expect(world.certificates.renew(DOMAIN, signal)).rejects.toThrow(
      /could not be reloaded.*The certificate before it is in its place/,
    );
    world.state.refuses_reloads = false;
    expect(await look()).toMatchObject({ state: 'ok', served: { fingerprint: printOf(good) }, last_attempt: { ok: false } });
    // One that is for another name never gets as far.
    const { certificate, key } = authority.issue(['other.example.com']);
    world.orders.push({ ok: true, pair: { certificate, key } });
    await expect(world.certificates.renew(DOMAIN, signal)).rejects.toThrow(/not for shop\.example\.com/);
    expect(await look()).toMatchObject({ state: 'ok', served: { fingerprint: printOf(good) } });
  });

  it('without certbot a route is refused with what to install', async () => {
    world.state.is_installed = false;
    const refused = serve('nginx', 'auto');
    await expect(refused).rejects.toMatchObject({ code: 'unprocessable', details: { domain: DOMAIN } });
    await expect(refused).rejects.toThrow(
      /certbot is not installed on this host; install it, such as with `apt-get install certbot`/,
    );
  });
});

describe('what no route uses', () => {
  it('goes when it has expired, or was a placeholder, and stays as long as it is good or was imported', async () => {
    world.orders.push({ ok: true, pair: issue() });
    await serve('nginx', 'auto');
    await obtained();
    const sweep = async (days: number) => {
      world.state.offset_ms = days * DAY_MS;
      world.routes.length = 0;
      // A round follows whatever was applied.
      world.certificates.applied(route('caddy', 'auto'));
    };
    await sweep(1);
    expect(await look()).toMatchObject({ source: 'certbot', state: 'ok', proxy: null });
    await sweep(91);
    await soon(async () => expect(await look()).toBeUndefined());
    world.state.offset_ms = 0;
    await world.certificates.import(DOMAIN, issue(), 'ana');
    await serve('nginx', 'auto');
    await soon(() => expect(kinds()).toContain('certificate.failed'));
    await sweep(91);
    expect(await look()).toMatchObject({ source: 'imported', state: 'expired' });
  });
});

describe('an imported certificate', () => {
  it('is demanded before a route needs it, then served, and so is its successor', async () => {
    await expect(serve('caddy', 'import')).rejects.toThrow(
      /import it first with `nextdeploy certs import shop\.example\.com --cert FILE/,
    );
    const [first, second] = [issue(), issue(30)];
    expect(await world.certificates.import(DOMAIN, first, 'ana')).toMatchObject({ proxy: null, served: null, state: 'ok' });
    await serve('caddy', 'import');
    expect(await look()).toMatchObject({
      source: 'imported',
      state: 'ok',
      served: { fingerprint: printOf(first) },
      next_renewal_at: null,
    });
    expect(await world.certificates.import(DOMAIN, second, 'ana')).toMatchObject({
      state: 'ok',
      served: { fingerprint: printOf(second) },
    });
    expect(kinds()).toEqual(['certificate.imported', 'certificate.imported']);
    await expect(world.certificates.remove(DOMAIN)).rejects.toMatchObject({ code: 'conflict' });
    await expect(world.certificates.renew(DOMAIN, signal)).rejects.toThrow(/was imported/);
    world.state.offset_ms = 31 * DAY_MS;
    expect(await look()).toMatchObject({ state: 'expired' });
    await expect(serve('caddy', 'import')).rejects.toThrow(/expired at .*; import its successor/);
    world.routes.length = 0;
    expect(await look()).toMatchObject({ state: 'expired', proxy: null });
    await world.certificates.remove(DOMAIN);
    expect(await look()).toBeUndefined();
    await expect(world.certificates.remove(DOMAIN)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('that the proxy does not take is not kept', async () => {
    const [first, second] = [issue(), issue()];
    await world.certificates.import(DOMAIN, first, 'ana');
    await serve('nginx', 'import');
    world.state.refuses_reloads = true;
    await expect(world.certificates.import(DOMAIN, second, 'ana')).rejects.toThrow(/is in its place again/);
    world.state.refuses_reloads = false;
    await world.certified.apply('shop', route('nginx', 'import'), signal);
    expect(await look()).toMatchObject({
      state: 'ok',
      served: { fingerprint: printOf(first) },
      stored: { fingerprint: printOf(first) },
    });
  });

  it('waits beside a managed one until a deploy asks for it, and stands in for one that is not there yet', async () => {
    const [managed, own] = [issue(), issue()];
    world.orders.push({ ok: true, pair: managed });
    await serve('nginx', 'auto');
    await obtained();
    expect((await world.certificates.import(DOMAIN, own, 'ana')).detail).toContain('deploy the app with tls import');
    expect(await look()).toMatchObject({ state: 'ok', source: 'certbot', served: { fingerprint: printOf(managed) } });
    await serve('nginx', 'import');
    expect(await look()).toMatchObject({ state: 'ok', source: 'imported', served: { fingerprint: printOf(own) } });
    await serve('nginx', 'auto');
    expect(await look()).toMatchObject({ state: 'ok', source: 'certbot', served: { fingerprint: printOf(managed) } });
    await world.certificates.remove(DOMAIN);
    await expect(world.certificates.remove(DOMAIN)).rejects.toMatchObject({ code: 'not_found' });
    expect(await look()).toMatchObject({ state: 'ok', served: { fingerprint: printOf(managed) } });
  });
});

describe('what is served', () => {
  it('is compared with what is kept, and told of once when it differs', async () => {
    await world.certificates.import(DOMAIN, issue(), 'ana');
    await serve('nginx', 'import');
    const other = issue();
    world.state.context = createSecureContext({ cert: other.certificate, key: other.key });
    for (let count = 0; count < 3; count += 1)
      expect(await look()).toMatchObject({ state: 'mismatched', served: { fingerprint: printOf(other) } });
    expect(kinds()).toEqual(['certificate.imported', 'certificate.mismatched']);
    world.state.context = null;
    expect(await look()).toMatchObject({ state: 'missing', served: null });
    server.close();
    await soon(async () => expect(await look()).toMatchObject({ state: 'unreachable' }));
  });
});

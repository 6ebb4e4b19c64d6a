import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createNetServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { NetworkProber } from './prober.ts';

const servers: Server[] = [];
const { signal } = new AbortController();
const CLOSED = { host: '127.0.0.1', http_port: 1, https_port: 1 };
const LISTENERS = { caddy: CLOSED, nginx: CLOSED };

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function portOf(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port; // of a TCP server
}

const target = (port: number) => ({ name: 'shop', address: '127.0.0.1', port });
const timing = { interval_ms: 500, timeout_ms: 300, deadline_ms: 5_000, retries: 3, start_period_ms: 0 };
const http = { kind: 'http', path: '/health', status: { min: 200, max: 399 }, ...timing } as const;
const probe = async (listener: RequestListener, status = { min: 200, max: 399 }) =>
  new NetworkProber(LISTENERS).probe(target(await portOf(createServer(listener))), { ...http, status }, signal);

describe('a probe', () => {
  it.each([
    [200, true],
    [204, true],
    [307, true],
    [404, false],
    [500, false],
  ])('takes HTTP %i for healthy: %s, and follows no redirect to elsewhere', async (status, healthy) => {
    let requests = 0;
    const result = await probe((_, response) => {
      requests += 1;
      response.writeHead(status, { location: 'https://shop.example.com/elsewhere' }).end('the body');
    });
    expect(result).toMatchObject({ healthy, status, is_refused: false });
    expect(requests).toBe(1);
    if (!healthy) expect(result.detail).toBe('the body');
  });

  it.each([
    [{ min: 200, max: 299 }, 307, false],
    [{ min: 401, max: 401 }, 401, true],
    [{ min: 401, max: 401 }, 200, false],
  ])('goes by the range %o, in which %i is healthy: %s', async (range, status, healthy) => {
    const answer = (_: unknown, response: ServerResponse) => {
      response.writeHead(status, { location: 'https://shop.example.com/' }).end();
    };
    expect(await probe(answer, range)).toMatchObject({ healthy, status });
  });

  /** Redirects as the table says, and answers 404 on all other paths. */
  const redirecting =
    (table: Record<string, string | number>): RequestListener =>
    ({ url = '' }, response) => {
      const next = table[url] ?? 404;
      if (typeof next === 'number') response.writeHead(next).end('the end');
      else response.writeHead(308, { location: next }).end();
    };

  it("follows the app's own redirects, and judges what they lead to", async () => {
    const good = await probe(redirecting({ '/health': '/health/', '/health/': '/up?now', '/up?now': 200 }));
    expect(good).toMatchObject({ healthy: true, status: 200 });
    expect(good.target).toMatch(/\/health$/);
    const bad = await probe(redirecting({ '/health': '/health/', '/health/': 500 }));
    expect(bad).toMatchObject({ healthy: false, status: 500, detail: 'redirected to /health/: the end', is_endless: false });
    const wanted = await probe(redirecting({ '/health': '/health/' }), { min: 308, max: 308 });
    expect(wanted).toMatchObject({ healthy: true, status: 308 });
  });

  it('says that redirects lead nowhere', async () => {
    const itself = await probe(redirecting({ '/health': '/health' }));
    expect(itself).toMatchObject({ healthy: false, status: 308, detail: '/health redirects to itself', is_endless: true });
    const loop = await probe(redirecting({ '/health': '/a', '/a': '/health' }));
    expect(loop).toMatchObject({ healthy: false, detail: 'redirects in a loop: /health → /a → /health', is_endless: true });
    const long = { '/health': '/1', '/1': '/2', '/2': '/3', '/3': '/4', '/4': '/5', '/5': '/6', '/6': 200 };
    expect(await probe(redirecting(long))).toMatchObject({ healthy: false, detail: expect.stringContaining('more than 5') });
  });

  it('has one time for all requests of a check', async () => {
    const slow: RequestListener = ({ url }, response) => {
      setTimeout(() => response.writeHead(302, { location: `${url}x` }).end(), 100);
    };
    const result = await probe(slow);
    expect(result).toMatchObject({ healthy: false, detail: 'no answer in 0.3 s' });
    expect(result.duration_ms).toBeLessThan(600);
  });

  it('keeps only the start of a long body, and does not wait for one that never ends', async () => {
    const result = await probe((_, response) => void response.writeHead(500).write('x'.repeat(10_000)));
    expect(result.detail).toHaveLength(500);
    const unended = await probe((_, response) => void response.writeHead(503).write('half'));
    expect(unended).toMatchObject({ status: 503, detail: 'half' });
  });

  it('tells a port that nobody listens on from one that does not answer', async () => {
    const server = createNetServer();
    const port = await portOf(server);
    server.close();
    const prober = new NetworkProber(LISTENERS);
    expect(await prober.probe(target(port), http, signal)).toMatchObject({
      is_refused: true,
      status: null,
      detail: 'connection refused',
    });
    const mute = await portOf(createNetServer());
    expect(await prober.probe(target(mute), http, signal)).toMatchObject({ is_refused: false, detail: 'no answer in 0.3 s' });
  });

  it('over TCP needs only that the port opens', async () => {
    const prober = new NetworkProber(LISTENERS);
    const check = { kind: 'tcp', ...timing } as const;
    const port = await portOf(createNetServer());
    expect(await prober.probe(target(port), check, signal)).toMatchObject({ healthy: true, target: `tcp://127.0.0.1:${port}` });
  });

  it("rejects with the caller's reason when it is aborted", async () => {
    const stopping = new AbortController();
    const port = await portOf(createNetServer(() => stopping.abort(new Error('stopping'))));
    await expect(new NetworkProber(LISTENERS).probe(target(port), http, stopping.signal)).rejects.toThrow('stopping');
  });
});

describe('a verification', () => {
  const site = { proxy: 'nginx', domain: 'shop.test', tls: 'off', path: '/', verify_key: 'key' } as const;

  it("asks as a visitor of the domain, with the key, and reads the proxy's word on the slot", async () => {
    const http_port = await portOf(
      createServer((request, response) => {
        const isKnown = request.headers.host === 'shop.test' && request.headers['x-nextdeploy-verify'] === 'key';
        response.writeHead(isKnown ? 200 : 404, { 'x-nextdeploy-slot': 'green' }).end();
      }),
    );
    const answer = await new NetworkProber({ ...LISTENERS, nginx: { ...CLOSED, http_port } }).verify(site, signal);
    expect(answer).toMatchObject({ status: 200, slot: 'green', failure: 'none' });
  });

  it('tells a proxy that is down from one without a certificate', async () => {
    const closed = createNetServer();
    const port = await portOf(closed);
    closed.close();
    expect(await new NetworkProber({ ...LISTENERS, nginx: { ...CLOSED, http_port: port } }).verify(site, signal)).toMatchObject({
      failure: 'connect',
    });
    const plain = await portOf(createNetServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    const answer = await new NetworkProber({ ...LISTENERS, nginx: { ...CLOSED, https_port: plain } }).verify(
      { ...site, tls: 'auto' },
      signal,
    );
    expect(answer).toMatchObject({ failure: 'tls', detail: expect.stringContaining('TLS handshake failed') });
  });
});

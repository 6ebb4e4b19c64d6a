import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { DomainError, errorResponseSchema } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Route } from '../contract/route.ts';
import { type RouteName, routes } from '../contract/routes.ts';
import { fieldsOf, type RawReply, type RawRequest, send } from './test-http.ts';
import { bodies, goodParams, goodRequest, pathFor, queryFor } from './test-requests.ts';
import { sampleOperation, startTestServer, type TestServer } from './test-server.ts';

const keysOf = (schema: z.ZodType): string[] => Object.keys((schema as z.ZodObject).shape ?? {});
/** A value that the field's schema refuses. */
function wrongFor(schema: z.ZodType, field: string): unknown {
  const part = (schema as z.ZodObject).shape[field] as z.ZodType;
  return [{ wrong: [] }, 7.5, 'wrong value!', true].find((value) => !part.safeParse(value).success);
}

let daemon: TestServer;
beforeAll(async () => {
  daemon = await startTestServer();
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
});

/** Sends it over both listeners, and sees that it was refused by the error model, reached no handler, and did no harm. */
async function refused(request: RawRequest, status: number): Promise<RawReply> {
  let reply: RawReply | undefined;
  for (const target of [{ socketPath: daemon.socketPath }, { port: daemon.port }]) {
    daemon.calls.length = 0;
    reply = await send(target, request);
    expect.soft(errorResponseSchema.safeParse(reply.json).success, JSON.stringify(reply.json)).toBe(true);
    expect(reply.status, JSON.stringify(reply.json)).toBe(status);
    expect(reply.headers['x-nextdeploy-api']).toBe('1');
    expect(daemon.calls).toEqual([]);
    expect((await send(target, goodRequest('getHealth'))).status).toBe(200);
  }
  return reply as RawReply; // the loop ran
}

describe.each(Object.keys(routes) as RouteName[])('%s', (name) => {
  const route: Route = routes[name];
  const takesBody = bodies[name] !== undefined;

  it('reaches its handler with what was sent', async () => {
    daemon.calls.length = 0;
    const reply = await send({ port: daemon.port }, goodRequest(name));
    expect(reply.status, JSON.stringify(reply.json)).toBe(route.kind === 'operation' ? 202 : 200);
    expect(reply.headers['x-nextdeploy-api']).toBe('1');
    expect(daemon.calls.map((call) => call.name)).toEqual([name]);
    if (takesBody) expect(daemon.calls[0]?.request.body).toMatchObject(bodies[name] as object);
  });

  if (route.role !== null) {
    it.each([
      ['no token', { Authorization: null }],
      ['a wrong token', { Authorization: 'Bearer wrong' }],
      ['another scheme', { Authorization: 'Basic YTpi' }],
    ])('refuses %s', async (_, headers) => {
      await using own = await startTestServer();
      const request = goodRequest(name);
      const reply = await send({ port: own.port }, { ...request, headers: { ...request.headers, ...headers } });
      expect(reply.status).toBe(401);
      expect(reply.json).toMatchObject({ success: false, payload: { code: 'unauthorized' } });
      expect(own.calls).toEqual([]);
    });
  }

  it('refuses a request of a web page and one to another host name', async () => {
    const request = goodRequest(name);
    await refused({ ...request, headers: { ...request.headers, Origin: 'http://localhost:8371' } }, 403);
    await refused({ ...request, headers: { ...request.headers, Host: 'rebound.example.com' } }, 403);
    await refused({ ...request, headers: { ...request.headers, Host: null } }, 403);
  });

  it('refuses a query it does not know, and one given twice', async () => {
    expect(
      fieldsOf(await refused({ ...goodRequest(name), path: pathFor(name) + queryFor(name, { surprise: '1' }) }, 400)),
    ).toEqual(['surprise']);
    expect(fieldsOf(await refused({ ...goodRequest(name), path: `${pathFor(name)}?a=1&a=2` }, 400))).toEqual(['a']);
  });

  for (const field of keysOf(route.query)) {
    it(`refuses a wrong value of the query's ${field}`, async () => {
      const reply = await refused({ ...goodRequest(name), path: pathFor(name) + queryFor(name, { [field]: '!wrong' }) }, 400);
      expect(fieldsOf(reply)).toEqual([field]);
    });
  }

  for (const param of keysOf(route.params)) {
    // One letter may be the name of a host.
    const short = param === 'domain' ? [] : ['a'];
    it.each(['UPPER', ...short, '..', '%00', 'a/b', 'system?', 'x'.repeat(300)])(
      `refuses ${param} %j in the path`,
      async (value) => {
        const reply = await refused({ ...goodRequest(name), path: pathFor(name, { ...goodParams, [param]: value }) }, 400);
        expect(fieldsOf(reply)).toEqual([param]);
      },
    );
  }

  if (!takesBody && route.kind !== 'upload') {
    it('refuses a body', async () => {
      expect(fieldsOf(await refused({ ...goodRequest(name), body: '{"surprise":1}' }, 400))).toEqual(['surprise']);
    });
  }

  if (takesBody || route.method !== 'GET') {
    it('refuses a body over the limit, whether its length is said or not', async () => {
      if (route.kind === 'upload') return;
      const body = JSON.stringify({ app_name: 'x'.repeat(LIMITS.request_body_bytes_max) });
      await refused({ ...goodRequest(name), body }, 413);
      await refused({ ...goodRequest(name), body, chunked: true }, 413);
    });
  }

  if (takesBody) {
    it.each([
      ['{"app_name":"shop",}', 'line 1, column 20'],
      ['{"app_name":\n  nope}', 'line 2, column 3'],
      ['{"app_name":"sh', 'line 1, column 16'],
      ['{} {}', 'line 1, column 4'],
      ['', 'is not valid'],
    ])('refuses malformed JSON and says where: %j', async (body, where) => {
      const reply = await refused({ ...goodRequest(name), body }, 400);
      expect(reply.json).toMatchObject({ message: expect.stringContaining(where) });
    });

    it('refuses an unknown field, a missing field and a body that is no object', async () => {
      const body = bodies[name] as object;
      expect(fieldsOf(await refused({ ...goodRequest(name), body: JSON.stringify({ ...body, surprise: 1 }) }, 400))).toEqual([
        'surprise',
      ]);
      expect(fieldsOf(await refused({ ...goodRequest(name), body: '{}' }, 400))).toContain(Object.keys(body)[0]);
      for (const text of ['null', '[]', '"text"', '7']) await refused({ ...goodRequest(name), body: text }, 400);
    });

    it.each(keysOf(route.body))('refuses a wrong type of %s', async (field) => {
      const body = JSON.stringify({ ...(bodies[name] as object), [field]: wrongFor(route.body, field) });
      const [named] = fieldsOf(await refused({ ...goodRequest(name), body }, 400));
      expect(named?.split('.')[0]).toBe(field);
    });

    const badNames =
      'app_name' in (bodies[name] as object) ? ['Shop', 'system', '../etc', 'a'.repeat(41), '-shop', 'shop-', ''] : [];
    it.for(badNames)('refuses the app name %j', async (app_name) => {
      const body = JSON.stringify({ ...(bodies[name] as object), app_name });
      expect(fieldsOf(await refused({ ...goodRequest(name), body }, 400))).toEqual(['app_name']);
    });

    it('refuses another content type, another encoding, and text that is not UTF-8', async () => {
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1', null]) {
        await refused({ ...goodRequest(name), headers: { 'Content-Type': type } }, 400);
      }
      await refused({ ...goodRequest(name), headers: { 'Content-Encoding': 'gzip' } }, 400);
      await refused({ ...goodRequest(name), body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]) }, 400);
    });

    it('refuses deep nesting and a prototype', async () => {
      await refused({ ...goodRequest(name), body: '['.repeat(100_000) }, 400);
      const body = '{"app_name":"shop","image":"shop:v2","env":{"__proto__":"x"}}';
      expect(fieldsOf(await refused({ ...goodRequest(name), body }, 400))).toEqual(['__proto__']);
    });
  }

  it('refuses an idempotency key of other characters or too great a length', async () => {
    const request = goodRequest(name);
    for (const key of ['a b', 'ä', 'x'.repeat(129), '']) {
      const headers = { ...request.headers, 'Idempotency-Key': Buffer.from(key, 'utf8').toString('latin1') };
      expect(fieldsOf(await refused({ ...request, headers }, 400))).toEqual(['Idempotency-Key']);
    }
  });
});

describe('waiting for the end of an operation', () => {
  const request = { ...goodRequest('swap'), path: `${pathFor('swap')}?wait=1` };

  it('is answered with 202 and the operation where it runs on', async () => {
    const waitForOperation = async () => sampleOperation;
    await using own = await startTestServer({ server: { waitForOperation } });
    const reply = await send({ port: own.port }, request);
    expect(reply.status).toBe(202);
    expect(reply.json).toMatchObject({ success: true, payload: { id: sampleOperation.id, state: 'running' } });
  });

  it('names the operation when the daemon stops first', async () => {
    const waitForOperation = () => Promise.reject(new DomainError('unavailable', 'The daemon is stopping.'));
    await using own = await startTestServer({ server: { waitForOperation } });
    const reply = await send({ port: own.port }, request);
    expect(reply.status).toBe(503);
    expect(reply.json).toMatchObject({ payload: { code: 'unavailable', operation_id: sampleOperation.id } });
  });
});

describe('paths that lead nowhere', () => {
  it.each(['/', '/nothing', '/apps/shop/status/', '/%zz', '//apps', '/APPS'])('answers GET %s with 404', async (path) => {
    await refused({ method: 'GET', path }, 404);
  });

  it('says which methods a path takes', async () => {
    const reply = await refused({ method: 'PUT', path: '/images' }, 405);
    expect(reply.headers.allow).toBe('GET, POST');
    await refused({ method: 'OPTIONS', path: '/deploy' }, 405);
    await refused({ method: 'GET', path: '/apps/shop' }, 405);
  });

  it('says that a stream is a WebSocket', async () => {
    await refused({ method: 'GET', path: '/ws/events' }, 400);
  });
});

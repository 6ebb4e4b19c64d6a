/** Every route and stream, asked for by every role, with every kind of token: what happens follows from the contract's tables alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { z } from 'zod';
import type { Role } from '../contract/domain.ts';
import type { Route } from '../contract/route.ts';
import { type RouteName, routes } from '../contract/routes.ts';
import { type Stream, type StreamName, streams } from '../contract/streams.ts';
import { type RawReply, send } from './test-http.ts';
import { bodies, goodRequest, queryFor } from './test-requests.ts';
import {
  sampleApp,
  sampleCertificate,
  sampleEvent,
  sampleLine,
  sampleOperation,
  sampleProvider,
  sampleRoute,
  startTestServer,
  type TestServer,
} from './test-server.ts';
import { testTokens } from './test-tokens.ts';

const CALLERS = {
  viewer: { role: 'viewer' },
  operator: { role: 'operator' },
  admin: { role: 'admin' },
  'limited viewer': { role: 'viewer', apps: ['shop'] },
  'limited operator': { role: 'operator', apps: ['shop'] },
} as const;
type CallerName = keyof typeof CALLERS;
const callerNames = Object.keys(CALLERS) as CallerName[];
const STATES = ['right', 'wrong', 'expired', 'revoked'] as const;

const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

/** Whether the table lets the bearer of a valid token in, who asks about the app that a limited one is for. */
function isAllowed({ role, apps }: Pick<Route, 'role' | 'apps'>, caller: CallerName): boolean {
  const isLimited = 'apps' in CALLERS[caller];
  return role === null || (RANK[CALLERS[caller].role] >= RANK[role] && !(isLimited && apps === 'never'));
}

const FAR = new Date(Date.now() + 3_600_000).toISOString();
/** Of an app that no limited token is for. */
const OTHER = 'blog';
const sampleSecret = {
  ...{ scope: 'app' as const, project: null, name: 'TOKEN', version: 1, fingerprint: '0123456789abcdef' },
  ...{ updated_at: '2026-01-02T03:04:05.678Z', updated_by: 'admin', origin: null, versions: [] },
};
const otherOperation = { ...sampleOperation, id: 'op-fedcba987654', app_name: OTHER };

let daemon: TestServer;
let closeTokens: () => void;
const texts = new Map<string, string>();
const textOf = (caller: CallerName, state: (typeof STATES)[number]) => texts.get(`${caller} ${state}`) ?? '';

beforeAll(async () => {
  let skipped_ms = 0;
  const { tokens } = testTokens(() => new Date(Date.now() + skipped_ms));
  closeTokens = () => tokens.close();
  for (const caller of callerNames) {
    const make = (state: string, end: { expires_at?: string } = {}) => {
      const name = `${caller} ${state}`.replaceAll(' ', '-');
      const { apps, ...rest } = { apps: undefined, ...CALLERS[caller] };
      const made = tokens.create({ name, ...rest, ...end, ...(apps === undefined ? {} : { apps: [...apps] }) }, 'admin');
      texts.set(`${caller} ${state}`, made.token);
      return made;
    };
    const { token } = make('right');
    // One character of another: nobody has it.
    texts.set(`${caller} wrong`, `${token.slice(0, -2)}${token.at(-2) === 'A' ? 'B' : 'A'}${token.at(-1)}`);
    make('expired', { expires_at: FAR });
    tokens.revoke(make('revoked').id, 'admin');
  }
  skipped_ms = 2 * 3_600_000;
  let minute = 0;
  daemon = await startTestServer({
    handlers: {
      listApps: async () => [sampleApp, { ...sampleApp, name: OTHER }],
      listOperations: async () => [sampleOperation, otherOperation],
      listSecrets: async () => [
        { ...sampleSecret, app_name: 'shop' },
        { ...sampleSecret, app_name: OTHER },
        { ...sampleSecret, scope: 'global', app_name: null },
      ],
      listCertificates: async () => ['shop', OTHER, null].map((app_name) => ({ ...sampleCertificate, app_name })),
      listSecretProviders: async () => [sampleProvider, { ...sampleProvider, app_name: OTHER }],
      listRoutes: async () => [sampleRoute, { ...sampleRoute, app_name: OTHER }, { ...sampleRoute, app_name: null, port: 3000 }],
      listEvents: async () => [sampleEvent, { ...sampleEvent, app_name: OTHER }, { ...sampleEvent, app_name: null }],
    },
    streamHandlers: {
      events: async function* () {
        yield { ...sampleEvent, app_name: OTHER };
        yield { ...sampleEvent, app_name: null };
        yield sampleEvent;
      },
    },
    server: {
      tokens,
      appOfOperation: (id) => [sampleOperation, otherOperation].find((operation) => operation.id === id)?.app_name ?? null,
      // Wrong tokens come once a minute, so that no answer is held back.
      now: () => {
        minute += 1;
        return minute * 60_000;
      },
    },
  });
});
afterAll(async () => {
  closeTokens();
  await daemon[Symbol.asyncDispose]();
});

const authorization = (text: string | null) => ({ Authorization: text === null ? null : `Bearer ${text}` });

/** Asks, and tells what was answered and whether a handler was reached. */
async function ask(name: RouteName, text: string | null, app?: string): Promise<{ reply: RawReply; isReached: boolean }> {
  daemon.calls.length = 0;
  const request = goodRequest(name, app);
  const reply = await send({ port: daemon.port }, { ...request, headers: { ...request.headers, ...authorization(text) } });
  return { reply, isReached: daemon.calls.length > 0 };
}

describe.each(Object.keys(routes) as RouteName[])('%s', (name) => {
  const route: Route = routes[name];
  const good = route.kind === 'operation' ? 202 : 200;

  it.each(callerNames)('answers a %s by the table', async (caller) => {
    for (const state of STATES) {
      const { reply, isReached } = await ask(name, textOf(caller, state));
      const isValid = state === 'right' || route.role === null;
      const expected = !isValid ? 401 : isAllowed(route, caller) ? good : 403;
      expect({ state, status: reply.status, isReached }).toEqual({ state, status: expected, isReached: expected === good });
    }
  });

  it('answers nobody in particular only where the table asks for no role', async () => {
    const { reply, isReached } = await ask(name, null);
    expect({ status: reply.status, isReached }).toEqual(
      route.role === null ? { status: good, isReached: true } : { status: 401, isReached: false },
    );
  });

  it('tells whose token has ended how it ended', async () => {
    if (route.role === null) return;
    for (const state of ['expired', 'revoked'] as const) {
      const { reply } = await ask(name, textOf('admin', state));
      expect(reply.json).toMatchObject({
        message: expect.stringMatching(
          state === 'expired' ? /admin-expired expired at .*ask/ : /admin-revoked was revoked at .*ask/,
        ),
      });
    }
  });

  if (route.apps === 'named') {
    it('is refused for an app that the token is not for', async () => {
      const { reply, isReached } = await ask(name, textOf('limited operator', 'right'), OTHER);
      expect({ status: reply.status, isReached }).toEqual({ status: 403, isReached: false });
      expect((await ask(name, textOf('operator', 'right'), OTHER)).reply.status).toBe(good);
    });
    it('names the app in its path, query or body', () => {
      const isInQuery = new URLSearchParams(queryFor(name)).has('app_name');
      expect('name' in (route.params as z.ZodObject).shape || isInQuery || 'app_name' in (bodies[name] ?? {})).toBe(true);
    });
  }

  if (route.apps === 'operation') {
    it('does not find an operation of an app that the token is not for', async () => {
      const path = route.path.replace(':id', otherOperation.id);
      const asked = async (caller: CallerName) =>
        send({ port: daemon.port }, { method: route.method, path, headers: authorization(textOf(caller, 'right')) });
      daemon.calls.length = 0;
      expect((await asked('limited operator')).status).toBe(404);
      expect(daemon.calls).toEqual([]);
      expect((await asked('operator')).status).toBe(200);
    });
  }

  if (route.apps === 'filtered') {
    it('holds only what is of the apps that the token is for, whatever the handler gives', async () => {
      const namesIn = async (caller: CallerName) => {
        const { reply } = await ask(name, textOf(caller, 'right'));
        const entries = reply.json as { app_name?: string | null; name?: string }[];
        return new Set(entries.map(({ app_name, name: own }) => (app_name === undefined ? own : app_name)));
      };
      const role = route.role === 'operator' ? 'operator' : 'viewer';
      expect(await namesIn(`limited ${role}`)).toEqual(new Set(['shop']));
      expect(await namesIn(role)).toContain(OTHER);
    });
  }
});

/** Opens a stream, and tells how it was answered (101: opened), what came, and whether its source was asked. */
function open(path: string, text: string | null): Promise<{ status: number; frames: unknown[]; isReached: boolean }> {
  daemon.streamed.length = 0;
  const headers = text === null ? {} : { Authorization: `Bearer ${text}` };
  const webSocket = new WebSocket(`ws://127.0.0.1:${daemon.port}${path}`, { headers });
  const frames: unknown[] = [];
  return new Promise((resolve, reject) => {
    const done = (status: number) => resolve({ status, frames, isReached: daemon.streamed.length > 0 });
    webSocket.on('message', (data) => frames.push(JSON.parse(String(data))));
    webSocket.on('unexpected-response', (_request, response) => {
      response.resume().on('end', () => done(response.statusCode ?? 0));
    });
    webSocket.on('close', () => done(101));
    webSocket.on('error', reject);
  });
}

describe.each(Object.keys(streams) as StreamName[])('the stream %s', (name) => {
  const stream: Stream = streams[name];
  const path = stream.path.replace(':app', 'shop');

  it.each(callerNames)('is opened for a %s by the table', async (caller) => {
    for (const state of STATES) {
      const { status, isReached } = await open(path, textOf(caller, state));
      const expected = state !== 'right' ? 401 : isAllowed(stream, caller) ? 101 : 403;
      expect({ state, status, isReached }).toEqual({ state, status: expected, isReached: expected === 101 });
    }
    expect(await open(path, null)).toMatchObject({ status: 401, isReached: false });
  });

  if (stream.apps === 'named') {
    it('is refused for an app that the token is not for', async () => {
      const other = stream.path.replace(':app', OTHER);
      expect(await open(other, textOf('limited viewer', 'right'))).toMatchObject({ status: 403, isReached: false });
      expect(await open(other, textOf('viewer', 'right'))).toMatchObject({ status: 101, frames: [sampleLine] });
    });
  }

  if (stream.apps === 'filtered') {
    it('sends only what is of the apps that the token is for, whatever the source gives', async () => {
      expect((await open(path, textOf('limited viewer', 'right'))).frames).toEqual([sampleEvent]);
      expect((await open(path, textOf('viewer', 'right'))).frames).toHaveLength(3);
    });
  }
});

describe('the tables', () => {
  it('let a limited operator deploy its app, and see it', () => {
    const needed: RouteName[] = [
      ...(['loadImages', 'deploy', 'swap', 'rollback', 'listApps', 'getAppStatus', 'listReleases', 'getRelease'] as const),
      ...(['listOperations', 'getOperation', 'cancelOperation', 'keepRelease', 'listEvents', 'getVersion'] as const),
    ];
    for (const name of needed) expect(isAllowed(routes[name], 'limited operator'), name).toBe(true);
  });

  it('let nobody but an administrator see or change who may call', () => {
    for (const name of ['listTokens', 'createToken', 'revokeToken', 'listAudit'] as const)
      expect(routes[name]).toMatchObject({ role: 'admin', apps: 'never' });
  });
});

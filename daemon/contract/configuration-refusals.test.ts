import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import {
  deployRequestSchema,
  maintenanceRequestSchema,
  rollbackRequestSchema,
  scaleRequestSchema,
  swapRequestSchema,
} from './configuration.ts';
import { type FieldError, toInvalidRequest } from './errors.ts';

/** The first field a value is refused for, and what is said of it; null: it is accepted. */
function complaint(schema: z.ZodType, value: unknown): FieldError | null {
  const parsed = schema.safeParse(value);
  if (parsed.success) return null;
  const { details } = toInvalidRequest(parsed.error, 'body');
  return (details as FieldError[])[0] ?? { field: '(none)', message: '' }; // toInvalidRequest puts exactly these there
}

const request = { app_name: 'shop', image: 'shop:v1', domain: 'shop.test' };
const bind = (source: string) => [{ kind: 'bind', source, target: '/data' }];
const volume = (target: string, name = 'data') => [{ kind: 'volume', name, target }];
const redirects = (...list: [from: string, to?: string][]) =>
  list.map(([from, to]) => (to === undefined ? { from } : { from, to }));
const variables = (count: number, length: number, character = 'x') =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`A${index}`, character.repeat(length)]));
const nextcore = (more: object) => ({ next_version: '16.0.1', output: 'standalone', build_id: 'b1', ...more });

describe('a deploy is refused for', () => {
  const HOST_NAME = 'use a host name such as shop.example.com, in lower case and without scheme, port or path';
  const PATH = 'use an absolute path without .. and without colon or comma';
  const IMAGE = 'use an image reference such as registry.example.com/shop:1.4, or shop@sha256: with 64 hexadecimal digits';
  const PORT = 'use a port from 1 to 65535';
  const APP = 'use 2 to 40 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen';

  it.each<[what: string, more: object, field: string, message: string | RegExp]>([
    ['no name', { app_name: undefined }, 'app_name', 'it is missing; use a text'],
    ['a name that leads elsewhere', { app_name: '../etc' }, 'app_name', APP],
    ['a name of the daemon', { app_name: 'system' }, 'app_name', 'this name is reserved; choose another'],
    ['an image with a flag behind it', { image: 'shop:v1 --privileged' }, 'image', IMAGE],
    ['a path for an image', { image: '../shop' }, 'image', IMAGE],
    ['a digest that is none', { image: 'shop@sha256:abc' }, 'image', IMAGE],
    ['a digest in capitals', { image: `shop@sha256:${'A'.repeat(64)}` }, 'image', IMAGE],
    ['another digest', { image: `shop@md5:${'0'.repeat(32)}` }, 'image', IMAGE],
    ['a URL as domain', { domain: 'https://shop.test' }, 'domain', HOST_NAME],
    ['a domain with a port', { domain: 'shop.test:80' }, 'domain', HOST_NAME],
    ['a domain with an empty label', { domain: 'shop..test' }, 'domain', HOST_NAME],
    ['a domain in capitals', { domain: 'Shop.test' }, 'domain', HOST_NAME],
    ['a domain that ends the line', { domain: 'shop.test\n' }, 'domain', HOST_NAME],
    ['a domain that means something to a proxy', { domain: 'shop.test{' }, 'domain', HOST_NAME],
    ['a wildcard', { aliases: ['*.shop.test'] }, 'aliases.0', HOST_NAME],
    ['a domain as its own alias', { aliases: ['shop.test'] }, 'aliases.0', 'shop.test is named twice; name it once'],
    ['an alias twice', { aliases: ['a.test', 'a.test'] }, 'aliases.1', 'a.test is named twice; name it once'],
    [
      'aliases of nothing',
      { domain: undefined, aliases: ['a.test'] },
      'aliases',
      'an app without a domain has no aliases; set domain',
    ],
    ['redirects to nothing', { domain: undefined, redirects: redirects(['a.test']) }, 'redirects', /set domain$/],
    [
      'a redirect to itself',
      { redirects: redirects(['a.test', 'a.test']) },
      'redirects.0.to',
      'a.test would redirect to itself; send it elsewhere',
    ],
    [
      'a redirect of its domain to itself',
      { redirects: redirects(['shop.test']) },
      'redirects.0.to',
      /^shop\.test would redirect to itself/,
    ],
    [
      'a chain of redirects',
      { redirects: redirects(['a.test', 'b.test'], ['b.test']) },
      'redirects.0.to',
      'b.test is itself redirected; send it to where that leads',
    ],
    [
      'a loop of redirects',
      { redirects: redirects(['a.test', 'b.test'], ['b.test', 'a.test']) },
      'redirects.0.to',
      /itself redirected/,
    ],
    [
      'two redirects of one name',
      { redirects: redirects(['a.test'], ['a.test']) },
      'redirects.1.from',
      /redirected already; name it once$/,
    ],
    [
      'a redirect of an alias',
      { aliases: ['a.test'], redirects: redirects(['a.test', 'b.test']) },
      'redirects.0.from',
      /^a\.test is served or redirected already/,
    ],
    [
      'a redirect with a status of its own',
      { redirects: [{ from: 'a.test', status: 200 }] },
      'redirects.0.status',
      'use 301, 302, 307 or 308',
    ],
    ['port 0', { ports: [0] }, 'ports.0', PORT],
    ['port 65536', { ports: [3000, 65_536] }, 'ports.1', PORT],
    ['half a port', { ports: [80.5] }, 'ports.0', PORT],
    ['a port as text', { ports: ['80'] }, 'ports.0', PORT],
    ['no port', { ports: [] }, 'ports', 'name at least one port'],
    ['too many ports', { ports: Array.from({ length: 17 }, (_, index) => index + 1) }, 'ports', 'use at most 16 entries'],
    ['a bind of ..', { volumes: bind('/srv/../etc') }, 'volumes.0.source', PATH],
    ['a bind that begins with ..', { volumes: bind('/../etc') }, 'volumes.0.source', PATH],
    ['a bind that ends with ..', { volumes: bind('/srv/..') }, 'volumes.0.source', PATH],
    ['a bind of .. behind a line separator', { volumes: bind('/srv\u2028/../etc') }, 'volumes.0.source', PATH],
    ['a bind of .. behind a line end', { volumes: bind('/srv\n/../etc') }, 'volumes.0.source', PATH],
    ['a relative bind', { volumes: bind('srv') }, 'volumes.0.source', PATH],
    ['a bind with options in it', { volumes: bind('/srv:/etc') }, 'volumes.0.source', PATH],
    ['a relative target', { volumes: volume('data') }, 'volumes.0.target', PATH],
    ['a target of ..', { volumes: volume('/data/../etc') }, 'volumes.0.target', PATH],
    ['the root as target', { volumes: volume('/') }, 'volumes.0.target', /use a path beneath it$/],
    [
      'a target twice',
      { volumes: [...volume('/data'), ...volume('/data/', 'other')] },
      'volumes.1.target',
      /choose another path$/,
    ],
    ['a volume whose name leads elsewhere', { volumes: volume('/data', '../data') }, 'volumes.0.name', /^use 2 to 64 letters/],
    ['a volume of another kind', { volumes: [{ kind: 'tmpfs', target: '/data' }] }, 'volumes.0.kind', 'use volume or bind'],
    ['a volume as text', { volumes: ['data:/data'] }, 'volumes.0', 'use an object'],
    ['a variable that begins with a digit', { env: { '1A': '' } }, 'env.1A', /^"1A" is no name of a variable; use letters/],
    ['a variable with a sign', { env: { 'A-B': '' } }, 'env.A-B', /is no name of a variable/],
    ['a variable with two lines', { env: { 'A\nB': '' } }, 'env.A\nB', /^"A\\nB" is no name/],
    ['a variable without a name', { env: { '': '' } }, 'env.', /is no name of a variable/],
    ['a variable with an endless name', { env: { ['A'.repeat(1_000)]: '' } }, `env.${'A'.repeat(256)}`, /^"A{40}…" is no name/],
    ['a number for a variable', { env: { PORT: 3000 } }, 'env.PORT', 'use a text'],
    ['a variable with NUL', { env: { A: 'a\0b' } }, 'env.A', 'an environment cannot hold a NUL character; leave it out'],
    ['a variable too long', { env: { A: 'x'.repeat(65_537) } }, 'env.A', 'use at most 65536 bytes'],
    ['a variable of few characters and many bytes', { env: { A: 'ä'.repeat(32_769) } }, 'env.A', 'use at most 65536 bytes'],
    ['a variable of emoji', { env: { A: '🦊'.repeat(16_385) } }, 'env.A', 'use at most 65536 bytes'],
    [
      'more variables than a program can be started with',
      { env: variables(9, 60_000) },
      'env',
      'use at most 524288 bytes for all variables together; what is larger belongs in a file of a volume',
    ],
    ['as many, of few characters', { env: variables(9, 20_000, '€') }, 'env', /^use at most 524288 bytes for all/],
    [
      'too many variables',
      { env: Object.fromEntries(Array.from({ length: 501 }, (_, index) => [`A${index}`, ''])) },
      'env',
      'use at most 500 variables',
    ],
    ['an unknown field', { surprise: 1 }, 'surprise', 'unknown field'],
    ['an unknown limit', { limits: { cpu: 1 } }, 'limits.cpu', 'unknown field'],
    ['the field constructor', { constructor: {} }, 'constructor', 'unknown field'],
    ['the field __proto__', JSON.parse('{"__proto__": {"image": "evil"}}'), '__proto__', 'unknown field'],
    ['the field prototype', { limits: { prototype: 1 } }, 'limits.prototype', 'unknown field'],
    ['no CPU', { limits: { cpus: 0 } }, 'limits.cpus', 'use at least 0.01'],
    ['memory as text', { limits: { memory_bytes: '512m' } }, 'limits.memory_bytes', /^use a whole number of bytes from/],
    ['no replica', { replicas: 0 }, 'replicas', 'use a whole number from 1 to 8'],
    ['replicas that are no number', { replicas: Number.NaN }, 'replicas', 'use a whole number from 1 to 8'],
    ['a user with more to it', { user: 'root; id' }, 'user', /such as 1000:1000$/],
    ['a capability that is none', { capabilities: ['net_raw'] }, 'capabilities.0', 'use a capability such as NET_RAW'],
    ['a signal by number', { stop_signal: '9' }, 'stop_signal', 'use a signal such as SIGTERM'],
    ["the host's network", { networks: ['host'] }, 'networks.0', 'use the name of a Docker network, other than host and none'],
    ['a health check of another kind', { health: { kind: 'exec' } }, 'health.kind', 'use http, tcp or none'],
    [
      'a relative health path',
      { health: { kind: 'http', path: 'up' } },
      'health.path',
      'use an absolute path such as /api/health',
    ],
    [
      'a health path with a line end',
      { health: { kind: 'http', path: '/up\r\nHost: x' } },
      'health.path',
      /^use an absolute path/,
    ],
    [
      'statuses upside down',
      { health: { kind: 'http', status: { min: 400, max: 200 } } },
      'health.status.max',
      'it must not be below min',
    ],
    ['a path for a TCP probe', { health: { kind: 'tcp', path: '/' } }, 'health.path', 'unknown field'],
    ['no command', { pre_switch: { command: [] } }, 'pre_switch.command', 'name the program and its arguments'],
    ['a command line', { post_switch: { command: 'a && b' } }, 'post_switch.command', 'use a list'],
    ['a command with NUL', { pre_switch: { command: ['a\0'] } }, 'pre_switch.command.0', /leave it out$/],
    ['an unknown proxy', { proxy: 'apache' }, 'proxy', 'use caddy or nginx'],
    ['a certificate for a name without a dot', { domain: 'shop', tls: 'auto' }, 'tls', /use tls off, or a full name/],
    ['a user without a password', { registry: { username: 'ada' } }, 'registry.password', 'it is missing; use a text'],
    ['an empty password', { registry: { username: 'ada', password: '' } }, 'registry.password', 'it must not be empty'],
    ['a time below zero', { drain_ms: -1 }, 'drain_ms', 'use a whole number of milliseconds from 0 to 600000'],
    ['an endless watch', { watch_ms: 1e12 }, 'watch_ms', 'use a whole number of milliseconds from 0 to 3600000'],
    ['a build without its id', { nextcore: nextcore({ build_id: undefined }) }, 'nextcore.build_id', 'it is missing; use a text'],
    [
      'a build id that moves the cursor',
      { nextcore: nextcore({ build_id: 'b\u001b[2J' }) },
      'nextcore.build_id',
      /^use printable characters/,
    ],
    [
      'a branch of two lines',
      { nextcore: nextcore({ git: { commit: '0123456', branch: 'a\nb' } }) },
      'nextcore.git.branch',
      /in one line$/,
    ],
    [
      'a commit that is none',
      { nextcore: nextcore({ git: { commit: 'main' } }) },
      'nextcore.git.commit',
      'use 7 to 64 hexadecimal digits',
    ],
    [
      'a value among names',
      { nextcore: nextcore({ public_env: ['A=secret'] }) },
      'nextcore.public_env.0',
      'use names of variables, without values',
    ],
    ['assets outside', { nextcore: nextcore({ static_directory: '/app/../etc' }) }, 'nextcore.static_directory', PATH],
    ['a port of the build', { nextcore: nextcore({ port: 0 }) }, 'nextcore.port', PORT],
  ])('%s', (_what, more, field, message) => {
    // With its own `__proto__`, where there is one.
    const value: unknown = Object.defineProperties({ ...request }, Object.getOwnPropertyDescriptors(more));
    expect(complaint(deployRequestSchema, value)).toEqual({
      field,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
  });

  it.each([null, undefined, [], 'shop', 3])('being %j', (value) => {
    expect(complaint(deployRequestSchema, value)).toMatchObject({ field: '', message: expect.stringContaining('use an object') });
  });
});

describe('other requests are refused for', () => {
  it.each<[schema: z.ZodType, value: object, field: string, message: string]>([
    [rollbackRequestSchema, { app_name: 'shop', release: '1' }, 'release', 'use a release number such as r12'],
    [rollbackRequestSchema, { app_name: 'shop', release: 'r0' }, 'release', 'use a release number such as r12'],
    [rollbackRequestSchema, { app_name: 'shop', release: 'r1/../r2' }, 'release', 'use a release number such as r12'],
    [rollbackRequestSchema, { app_name: 'shop', code_only: 'yes' }, 'code_only', 'use true or false'],
    [scaleRequestSchema, { replicas: 9 }, 'replicas', 'use a whole number from 1 to 8'],
    [scaleRequestSchema, {}, 'replicas', 'use a whole number from 1 to 8'],
    [maintenanceRequestSchema, { enabled: true, message: 'a\u001b[2Jb' }, 'message', 'use printable characters in one line'],
    [maintenanceRequestSchema, { enabled: true, message: 'a\nb' }, 'message', 'use printable characters in one line'],
    [maintenanceRequestSchema, { enabled: true, message: 'x'.repeat(501) }, 'message', 'use at most 500 characters'],
    [maintenanceRequestSchema, { message: 'x' }, 'enabled', 'it is missing; use true or false'],
    [swapRequestSchema, { app_name: 'shop', image: 'shop:v1', domain: 'a.test' }, 'domain', 'unknown field'],
    [swapRequestSchema, { app_name: 'shop', image: 'shop:v1', pull: 'never' }, 'pull', 'use missing or always'],
  ])('%# %j', (schema, value, field, message) => {
    expect(complaint(schema, value)).toEqual({ field, message });
  });
});

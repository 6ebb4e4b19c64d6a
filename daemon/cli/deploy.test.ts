import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestServerOptions } from '../api/test-server.ts';
import { sampleApp, sampleNextCore, sampleRelease, TEST_TOKEN } from '../api/test-server.ts';
import { appConfigurationSchema, configurationOf, deployRequestSchema } from '../contract/configuration.ts';
import type { Release } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { ended, ending, nextdeploy } from './test-command.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-cli-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe('deploy', () => {
  it('makes a request of its flags', async () => {
    const file = join(directory, 'shop.env');
    writeFileSync(file, '# comment\nFROM_FILE="two words"\nBOTH=file\n');
    const flags =
      '--image shop:v1 --domain shop.test --port 8080 --port 9090 --env BOTH=flag --env EMPTY= --env HOME --tls off --health-path /up --drain 5s';
    const { code, calls } = await nextdeploy(['deploy', 'shop', ...flags.split(' '), '--env-file', file, '--reset'], {
      ...ending(ended),
      env: { NEXTDEPLOY_TOKEN: TEST_TOKEN, HOME: '/root' },
    });
    expect(code).toBe(0);
    expect(calls[0]?.request.body).toMatchObject({
      app_name: 'shop',
      image: 'shop:v1',
      domain: 'shop.test',
      ports: [8080, 9090],
      env: { FROM_FILE: 'two words', BOTH: 'flag', EMPTY: '', HOME: '/root' },
      tls: 'off',
      health: { kind: 'http', path: '/up' },
      drain_ms: 5_000,
    });
  });

  const deployed = appConfigurationSchema.parse({
    env: { GREETING: 'hello', SECRET: 'hush', OLD: '1' },
    domain: 'shop.test',
    health: { kind: 'http', path: '/up' },
    drain_ms: 5_000,
  });
  const live: Release = { ...sampleRelease, configuration: deployed };
  /** A daemon on which shop runs shop:v1 as `deployed`, and an operation ends well. */
  const running: TestServerOptions = {
    ...ending(ended),
    handlers: {
      ...ending(ended).handlers,
      getRelease: async () => live,
      getAppStatus: async () => ({ ...sampleApp, replicas_wanted: 3 }),
    },
  };
  const bodyOf = ({ calls }: Awaited<ReturnType<typeof nextdeploy>>) => calls.find(({ name }) => name === 'deploy')?.request.body;

  it('keeps what an app runs with, and says so', async () => {
    const kept = await nextdeploy(['deploy', 'shop', '--image', 'shop:v2'], running);
    expect(bodyOf(kept)).toEqual({ app_name: 'shop', image: 'shop:v2', pull: 'missing', ...deployed, replicas: 3 });
    expect(kept.out).toContain(
      'shop starts from r1 and keeps domain shop.test, drain 5s, health.path /up, replicas 3, env GREETING OLD SECRET.\nIt changes:\n  image  shop:v1 → shop:v2\n',
    );
    expect(kept.out).not.toContain('hush');
    const json = await nextdeploy(['deploy', 'shop', '--image', 'shop:v2', '--json'], running);
    expect(JSON.parse(json.out)).toEqual(ended);
  });

  it('changes only what flags name, variables one by one', async () => {
    const flags = '--env SECRET=new --env NEW=2 --unset-env OLD --health-path /live --domain other.test';
    const changed = await nextdeploy(['deploy', 'shop', '--image', 'shop:v1', ...flags.split(' ')], running);
    expect(bodyOf(changed)).toEqual({
      ...deployed,
      app_name: 'shop',
      image: 'shop:v1',
      pull: 'missing',
      replicas: 3,
      domain: 'other.test',
      env: { GREETING: 'hello', SECRET: 'new', NEW: '2' },
      health: { ...deployed.health, path: '/live' },
    });
    expect(changed.out).toContain('keeps drain 5s, replicas 3, env GREETING.\n');
    for (const line of [
      'domain       shop.test → other.test',
      'health.path  /up → /live',
      'env          NEW added, OLD removed, SECRET changed',
    ])
      expect(changed.out).toContain(`\n  ${line}\n`);
    const hasty = await nextdeploy(['deploy', 'shop', '--image', 'shop:v1', '--health-deadline', '5s'], running);
    expect(hasty.out).toContain('  health.deadline  1m → 5s\n');
    const worker = await nextdeploy(['deploy', 'shop', '--image', 'shop:v1', '--no-domain'], running);
    expect(bodyOf(worker)).not.toHaveProperty('domain');
  });

  it('starts from the defaults with --reset, from the file with --request, and for an app that is not there', async () => {
    const bare = { app_name: 'shop', image: 'shop:v2', env: {}, aliases: [] };
    const decided = ['ports', 'health', 'proxy', 'replicas', 'domain'];
    const file = join(directory, 'bare.json');
    writeFileSync(file, JSON.stringify({ image: 'shop:v2' }));
    const absent = () => Promise.reject(new DomainError('not_found', 'There is no app shop.'));
    const fresh = { ...running, handlers: { ...running.handlers, getAppStatus: absent } };
    for (const made of [
      await nextdeploy(['deploy', 'shop', '--image', 'shop:v2', '--reset'], running),
      await nextdeploy(['deploy', 'shop', '--request', file], running),
      await nextdeploy(['deploy', 'shop', '--image', 'shop:v2'], fresh),
    ]) {
      expect(bodyOf(made)).toMatchObject(bare);
      for (const field of decided) expect(bodyOf(made)).not.toHaveProperty(field);
      expect(made.out).not.toContain('starts from');
    }
  });

  it('takes a whole request from a file, and flags over it', async () => {
    const file = join(directory, 'request.json');
    writeFileSync(
      file,
      JSON.stringify({ app_name: 'shop', image: 'shop:v1', health: { kind: 'http', path: '/up', timeout_ms: 200 } }),
    );
    const { calls } = await nextdeploy(
      ['deploy', '--request', file, '--image', 'shop:v2', '--health-deadline', '2m'],
      ending(ended),
    );
    expect(calls[0]?.request.body).toMatchObject({
      app_name: 'shop',
      image: 'shop:v2',
      health: { kind: 'http', path: '/up', timeout_ms: 200, deadline_ms: 120_000 },
    });
  });

  const all = [
    '--image shop:v2 --pull always --alias www.shop.test --alias shop.example --redirect old.test --redirect a.test=www.shop.test:301',
    '--domain shop.test --tls off --proxy nginx --port 8080 --env A=1 --project web --secrets none --replicas 2 --cpus 0.5 --memory 512m --volume data:/data',
    '--volume cache:/cache:ro --bind /srv/in:/in:ro --network db --user 1000:1000 --read-only --cap NET_RAW --stop-signal SIGQUIT',
    '--stop-timeout 20s --log-size 1m --log-files 5 --health http --health-path /up --health-status 200-299 --health-interval 1s',
    '--health-timeout 2s --health-deadline 90s --health-retries 5 --health-start-period 10s --drain 5s --watch 2m --hook-timeout 1m',
  ].flatMap((line) => line.split(' '));
  const hooks = ['--pre-switch', 'node migrate.js', '--post-switch', '["sh", "-c", "a && b"]'];

  it('has a flag for everything a request can ask for', async () => {
    const made = await nextdeploy(['deploy', 'shop', ...all, ...hooks, '--reset'], running);
    expect(made.code).toBe(0);
    expect(bodyOf(made)).toEqual({
      app_name: 'shop',
      image: 'shop:v2',
      pull: 'always',
      domain: 'shop.test',
      aliases: ['www.shop.test', 'shop.example'],
      redirects: [
        { from: 'old.test', status: 308 },
        { from: 'a.test', to: 'www.shop.test', status: 301 },
      ],
      tls: 'off',
      proxy: 'nginx',
      ports: [8080],
      env: { A: '1' },
      project: 'web',
      secrets: { inject: 'none' },
      replicas: 2,
      limits: { cpus: 0.5, memory_bytes: 512 * 1024 ** 2 },
      volumes: [
        { kind: 'volume', name: 'data', target: '/data', read_only: false },
        { kind: 'volume', name: 'cache', target: '/cache', read_only: true },
        { kind: 'bind', source: '/srv/in', target: '/in', read_only: true },
      ],
      networks: ['db'],
      user: '1000:1000',
      read_only_root: true,
      capabilities: ['NET_RAW'],
      stop_signal: 'SIGQUIT',
      stop_timeout_ms: 20_000,
      log: { file_bytes_max: 1024 ** 2, files: 5 },
      health: {
        kind: 'http',
        path: '/up',
        status: { min: 200, max: 299 },
        interval_ms: 1_000,
        timeout_ms: 2_000,
        deadline_ms: 90_000,
        retries: 5,
        start_period_ms: 10_000,
      },
      drain_ms: 5_000,
      watch_ms: 120_000,
      pre_switch: { command: ['node', 'migrate.js'], timeout_ms: 60_000 },
      post_switch: { command: ['sh', '-c', 'a && b'], timeout_ms: 60_000 },
    });
    const fields = Object.keys(deployRequestSchema.shape).filter((field) => field !== 'registry' && field !== 'nextcore');
    expect(Object.keys(bodyOf(made) as object)).toEqual(expect.arrayContaining(fields));
  });

  it('takes away what an app has', async () => {
    const has = deployRequestSchema.parse(bodyOf(await nextdeploy(['deploy', 'shop', ...all, ...hooks, '--reset'], running)));
    const rich = { ...live, configuration: configurationOf(has, { proxy: 'nginx', replicas: 2 }) };
    const on = { ...running, handlers: { ...running.handlers, getRelease: async () => rich } };
    const none = 'alias redirect cpus memory volume bind network user read-only cap stop-signal pre-switch post-switch'.split(
      ' ',
    );
    const bare = await nextdeploy(['deploy', 'shop', '--image', 'shop:v2', ...none.map((name) => `--no-${name}`)], on);
    expect(bodyOf(bare)).toMatchObject({ aliases: [], redirects: [], limits: {}, volumes: [], networks: [], capabilities: [] });
    expect(bodyOf(bare)).toMatchObject({ read_only_root: false, replicas: 3, domain: 'shop.test' });
    for (const field of ['user', 'stop_signal', 'pre_switch', 'post_switch']) expect(bodyOf(bare)).not.toHaveProperty(field);
    const worker = await nextdeploy(
      ['deploy', 'shop', '--image', 'shop:v2', '--no-domain', '--no-bind', '--hook-timeout', '2m'],
      on,
    );
    expect(bodyOf(worker)).toMatchObject({
      aliases: [],
      redirects: [],
      pre_switch: { command: ['node', 'migrate.js'], timeout_ms: 120_000 },
    });
    expect((bodyOf(worker) as { volumes: unknown[] }).volumes).toHaveLength(2);
    expect(bodyOf(worker)).not.toHaveProperty('tls');
  });

  it('logs in to a registry with a password from standard input, and sends what a build says of itself', async () => {
    const file = join(directory, 'nextcore.json');
    writeFileSync(file, JSON.stringify(sampleNextCore));
    const flags = ['--registry-user', 'ada', '--registry-password-stdin', '--nextcore', file];
    for (const command of [
      ['deploy', 'shop', '--image', 'shop:v2'],
      ['swap', 'shop', 'shop:v2'],
    ]) {
      const stdin = Readable.from(['hush', 'hush\n']);
      const made = await nextdeploy([...command, ...flags], { ...running, stdin });
      const { body } = made.calls.find(({ name }) => name === 'deploy' || name === 'swap')?.request ?? {};
      expect(body).toMatchObject({ registry: { username: 'ada', password: 'hushhush' }, nextcore: sampleNextCore });
      expect(`${made.out}${made.err}`).not.toContain('hush');
    }
    expect((await nextdeploy(['deploy', '--help'])).out).not.toMatch(/--registry-password </);
  });

  it.each([
    [['--registry-user', 'ada'], 'Give both --registry-user and --registry-password-stdin'],
    [['--registry-password-stdin'], 'Give both --registry-user and --registry-password-stdin'],
    [['--registry-user', 'ada', '--registry-password-stdin'], 'There is no password on standard input'],
    [['--memory', 'lots'], '--memory takes a size such as 512m or 2g'],
    [['--cpus', 'two'], '--cpus takes a number such as 2 or 0.5'],
    [['--bind', 'data:/data'], 'a named volume is --volume data:/data'],
    [['--pre-switch', 'a && b'], 'give it as a JSON array'],
    [['--health', 'tcp', '--health-path', '/up'], 'use --health http, not tcp'],
    [['--health', 'none', '--health-retries', '2'], 'Without a health check its times mean nothing'],
    [['--proxy', 'apache'], 'Allowed choices are caddy, nginx'],
    [['--bind', '/srv/../etc:/x'], 'Field "volumes.0.source" is not valid: use an absolute path without ..'],
    [['--replicas', '9'], 'Field "replicas" is not valid: use a whole number from 1 to 8'],
    [['--env', '__proto__=x'], 'Field "__proto__" is not valid: unknown field'],
    [['--env', 'constructor'], '--env constructor has no value here'],
    [['--domain', 'a.test', '--redirect', 'a.test'], 'a.test would redirect to itself'],
    [['--nextcore', '/nowhere'], 'Cannot read /nowhere'],
  ])('with %j ends with 2 and says %j', async (flags, message) => {
    const args = ['deploy', 'shop', '--image', 'shop:v2', '--reset', ...flags];
    expect(await nextdeploy(args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(message) });
  });

  it('refuses a password typed on a terminal, and files that are no objects', async () => {
    const stdin = Object.assign(Readable.from(['hush\n']), { isTTY: true });
    const flags = ['deploy', 'shop', '--image', 'shop:v2', '--reset'];
    const typed = await nextdeploy([...flags, '--registry-user', 'ada', '--registry-password-stdin'], { stdin });
    expect(typed).toMatchObject({ code: 2, err: expect.stringContaining('A terminal would show the password') });
    const file = join(directory, 'list.json');
    writeFileSync(file, '["hush"]');
    for (const flag of ['--nextcore', '--request']) {
      const { code, err } = await nextdeploy([...flags, flag, file]);
      expect({ code, err }).toEqual({ code: 2, err: `error: The file given with ${flag} is not a JSON object.\n` });
    }
  });

  it.each([
    [['deploy', 'shop'], 'Name the image'],
    [['deploy', '--image', 'shop:v1'], 'Name the app'],
    [['deploy', 'shop', '--image', 'shop:v1', '--port', 'http'], '--port takes a whole number'],
    [['deploy', 'shop', '--image', 'shop:v1', '--drain', 'soon'], '--drain takes a duration'],
    [['deploy', 'shop', '--image', 'shop:v1', '--env', 'NOT_SET'], '--env NOT_SET has no value here'],
    [['deploy', 'shop', '--image', 'shop:v1', '--env-file', '/nowhere'], 'Cannot read /nowhere: it does not exist'],
    [['deploy', 'Shop', '--image', 'shop:v1'], 'Field "app_name" is not valid'],
    [['deploy', 'shop', '--image', 'shop:v1', '--tls', 'maybe'], 'Allowed choices are auto, off'],
    [['events', '--tail', 'some'], '--tail takes a whole number'],
    [['logs', 'shop', '--since', '10parsecs'], '--since takes a duration such as'],
    [['logs', 'shop', '--tail', 'some'], 'use a number from 0 to 10000'],
    [['status', 'Shop'], 'Field "name" is not valid'],
    [['nonsense'], "unknown command 'nonsense'"],
    [['swap', 'shop'], "missing required argument 'image'"],
  ])('%j ends with 2 and says %j', async (args, message) => {
    expect(await nextdeploy(args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(message) });
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestServerOptions } from '../api/test-server.ts';
import { sampleApp, sampleRelease, TEST_TOKEN } from '../api/test-server.ts';
import { appConfigurationSchema } from '../contract/configuration.ts';
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

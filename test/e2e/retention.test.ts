/** Which images a real server keeps for rollbacks, and which go. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonClient } from '../../daemon/api/client.ts';
import { DEFAULTS } from '../../daemon/contract/limits.ts';
import type { Bed } from '../bed/bed.ts';
import { sharedBed } from '../bed/shared.ts';
import { deploy, failureOf, visit } from './engine-harness.ts';

const APPS = ['keep-shop', 'keep-blog'];
const SHOP = 'keep-shop';
const DOMAIN = 'keep.test';
/** Releases that are deployed before the last one is looked at. */
const DEPLOYS = DEFAULTS.releases_kept + 4;

let bed: Bed;
let client: DaemonClient;
let images: { v1: string; v2: string };

beforeAll(async () => {
  ({ bed, client, images } = await sharedBed());
});

afterEach(async () => {
  for (const { name } of await client.call('listApps')) if (APPS.includes(name)) await purge(name);
});

afterAll(async () => {
  const made = (await listed()).filter((name) => name.startsWith('keep-test'));
  if (made.length > 0) await bed.exec(['docker', 'rmi', ...made]);
  client.close();
});

const docker = async (argv: string[], input = '') => {
  const { code, stdout, stderr } = await bed.exec(['docker', ...argv], { input });
  if (code !== 0) throw new Error(`docker ${argv.join(' ')}: ${stderr}`);
  return stdout.trim();
};
/** The tiny server under an image of its own; its name. */
const build = async (number: number) => {
  const name = `keep-test:${number}`;
  await docker(['build', '--quiet', '--tag', name, '-'], `FROM ${images.v1}\nENV TINY_VERSION=n${number}\n`);
  return name;
};
const listed = async () => (await client.call('listImages')).flatMap(({ references }) => references);
const ours = async () => new Set((await listed()).filter((name) => name.startsWith('keep-test:')));
/** Retention runs beside the end of an operation. */
const settles = (names: string[]) => expect.poll(ours, { timeout: 30_000 }).toEqual(new Set(names));
const purge = (name: string) => client.call('removeApp', { params: { name }, query: { wait: 'true', purge: 'true' } });
const run = (app_name: string, image: string) =>
  deploy(client, { app_name, image, drain_ms: 0, ...(app_name === SHOP ? { domain: DOMAIN } : {}) });
const releases = async () => {
  const all = await client.call('listReleases', { params: { name: SHOP } });
  return all.map(({ id, state }) => `${id} ${state}`);
};

describe('after many deploys', () => {
  it('the live release and the newest before it can be gone back to, and the others say why not', async () => {
    const names: string[] = [];
    for (let number = 1; number <= DEPLOYS; number += 1) {
      names.push(await build(number));
      if (number === 2) await docker(['tag', 'keep-test:2', 'operator/tool:2']);
      await run(SHOP, `keep-test:${number}`);
    }
    const kept = names.slice(-DEFAULTS.releases_kept - 1);
    // One has a name that an operator gave it.
    await settles(['keep-test:2', ...kept]);
    expect(await listed()).toContain('operator/tool:2');
    expect(await releases()).toEqual([
      `r${DEPLOYS} live`,
      ...kept.slice(0, -1).map((_, index) => `r${DEPLOYS - 1 - index} standby`),
      ...['r3 pruned', 'r2 pruned', 'r1 pruned'],
    ]);
    const events = await client.call('listEvents', { query: { app_name: SHOP, limit: 1_000 } });
    const pruned = events.filter(({ kind }) => kind === 'release.pruned').map(({ message }) => message);
    expect(pruned).toEqual(
      [1, 2, 3].map(
        (number) => `The image of r${number} of ${SHOP} is not kept any more: it is not among the 5 newest that are kept`,
      ),
    );

    const back = (release: string) => client.call('rollback', { query: { wait: 'true' }, body: { app_name: SHOP, release } });
    await expect(back('r1')).rejects.toMatchObject({
      code: 'conflict',
      message: `Not possible for ${SHOP}: its image is not kept any more; deploy it anew.`,
    });
    expect(await back('r4')).toMatchObject({ state: 'succeeded', release: 'r4' });
    expect((await visit(bed, DOMAIN)).body).toBe('n4\n');

    await docker(['rmi', 'operator/tool:2']);
    await purge(SHOP);
    // Also what was pruned long before, now that the operator's name does not hold it any more.
    await settles([]);
  });
});

describe('a purged app', () => {
  it('takes its images with it, but for what another app, a container or an operator needs', async () => {
    for (const number of [1, 2, 3, 4]) await run(SHOP, await build(number));
    await run('keep-blog', 'keep-test:2');
    await docker(['tag', 'keep-test:3', 'operator/tool:3']);
    const container = await docker(['create', 'keep-test:4']);
    await purge(SHOP);
    await settles(['keep-test:2', 'keep-test:3', 'keep-test:4']);
    await docker(['rm', container]);
    await docker(['rmi', 'operator/tool:3']);
    await purge('keep-blog');
    await settles([]);
    // What was here before any of this is.
    expect(await listed()).toEqual(expect.arrayContaining([images.v1, images.v2]));
  });

  it('leaves alone the image that another one was built on, with its name', async () => {
    await run(SHOP, await build(1));
    await docker(['build', '--quiet', '--tag', 'keep-test-child', '-'], 'FROM keep-test:1\nLABEL child=1\n');
    await purge(SHOP);
    await run(SHOP, await build(2));
    await purge(SHOP);
    await settles(['keep-test:1']);
    await docker(['rmi', 'keep-test-child']);
    await run(SHOP, await build(2));
    await purge(SHOP);
    await settles([]);
  });
});

describe('an image of a failed deploy', () => {
  it('stays until the next one: whoever sets its configuration right deploys it again', async () => {
    await run(SHOP, await build(1));
    await failureOf(deploy(client, { app_name: SHOP, image: await build(2), env: { TINY_EXIT: '1' } }));
    await failureOf(deploy(client, { app_name: SHOP, image: await build(3), env: { TINY_EXIT: '1' } }));
    await settles(['keep-test:1', 'keep-test:3']);
  });
});

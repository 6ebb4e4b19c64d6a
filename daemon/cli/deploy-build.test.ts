import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleNextCore, sampleRelease } from '../api/test-server.ts';
import { appConfigurationSchema } from '../contract/configuration.ts';
import type { Release } from '../contract/domain.ts';
import { ended, ending, nextdeploy } from './test-command.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-cli-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

const deployed = appConfigurationSchema.parse({
  env: { GREETING: 'hello' },
  domain: 'shop.test',
  health: { kind: 'http', path: '/up' },
  drain_ms: 5_000,
});
const live: Release = { ...sampleRelease, configuration: deployed };
const bodyOf = ({ calls }: Awaited<ReturnType<typeof nextdeploy>>) => calls.find(({ name }) => name === 'deploy')?.request.body;

describe('deploy with what a new build says of itself', () => {
  const build = { ...sampleNextCore, health_path: '/ready', port: 8080 };
  const last = { ...sampleNextCore, health_path: '/up', port: 3000 };
  const deployNext = async (release: Partial<Release>, ...flags: string[]) => {
    const file = join(directory, 'build.json');
    writeFileSync(file, JSON.stringify(build));
    const handlers = { ...ending(ended).handlers, getRelease: async () => ({ ...live, ...release }) };
    return nextdeploy(['deploy', 'shop', '--image', 'shop:v2', ...flags, '--nextcore', file], { ...ending(ended), handlers });
  };

  it('leaves it health and ports that the last build suggested, and says what becomes of them', async () => {
    const made = await deployNext({ nextcore: last });
    expect(bodyOf(made)).toMatchObject({ nextcore: build, domain: 'shop.test', env: deployed.env, drain_ms: 5_000 });
    for (const field of ['health', 'ports']) expect(bodyOf(made)).not.toHaveProperty(field);
    expect(made.out).toContain('  health.path  /up → /ready\n');
    expect(made.out).toContain('  ports        3000 → 8080\n');
  });

  it('keeps what somebody chose', async () => {
    const configuration = appConfigurationSchema.parse({ ...deployed, ports: [9000] });
    const made = await deployNext({ nextcore: last, configuration });
    expect(bodyOf(made)).toMatchObject({ ports: [9000] });
    expect(bodyOf(made)).not.toHaveProperty('health');
    expect(bodyOf(await deployNext({ nextcore: null }))).toMatchObject({ health: deployed.health });
  });

  it('lets flags over its suggestion, which stands where they say nothing', async () => {
    const hasty = await deployNext({ nextcore: last }, '--health-deadline', '5s', '--port', '81');
    expect(bodyOf(hasty)).toMatchObject({ ports: [81], health: { kind: 'http', path: '/ready', deadline_ms: 5_000 } });
    const fresh = await deployNext({}, '--health-retries', '9', '--reset');
    expect(bodyOf(fresh)).toMatchObject({ health: { path: '/ready', retries: 9 } });
    expect(bodyOf(await deployNext({}, '--health-path', '/mine', '--reset'))).toMatchObject({ health: { path: '/mine' } });
  });

  it('is not what a swap looks at: its help says so', async () => {
    const help = (await nextdeploy(['swap', '--help'])).out.replace(/\s+/g, ' ');
    expect(help).toContain('shown with the release; health path and port stay as they are');
  });
});

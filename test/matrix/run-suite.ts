/** One suite's server: the scenario with each proxy, a reboot in between. */
import type { ProxyType } from '../../daemon/contract/names.ts';
import type { Suite } from '../bed/bed.ts';
import { engineOf } from '../bed/engine.ts';
import { bedPaths } from '../bed/paths.ts';
import { waitUntilReady } from '../bed/readiness.ts';
import { expectSuccess } from '../bench/server-tools.ts';
import { PROXY_NAMES, type Stage, until, untilDaemonAnswers, withStage } from '../chaos/stage.ts';
import { answeringVersion, type World, worldOf } from '../chaos/world.ts';
import { STEPS, STEPS_AFTER_REBOOT, type Step } from './scenario.ts';

export interface MatrixRow {
  suite: Suite;
  proxy: ProxyType;
  /** `Docker 20.10.24, nginx 1.22.1`. */
  versions: string;
  /** What failed, and why; null: nothing did. */
  problem: string | null;
  passed: string[];
  /** Each step left out, with the reason. */
  skipped: string[];
}

interface Context {
  signal: AbortSignal;
  say(line: string): void;
}

const BOOT_MS_MAX = 60_000;
const VERSIONS: Record<Suite, Record<'docker' | ProxyType, string>> = {
  bookworm: { docker: '20.10', caddy: '2.6', nginx: '1.22' },
  trixie: { docker: '26.1', caddy: '2.6', nginx: '1.26' },
  sid: { docker: '28.5', caddy: '2.11', nginx: '1.30' },
};

/** A row for each proxy, also when the server did not even come up. */
export async function runSuite(suite: Suite, { signal, say }: Context): Promise<MatrixRow[]> {
  const rows = PROXY_NAMES.map((proxy): MatrixRow => ({ suite, proxy, versions: '', problem: null, passed: [], skipped: [] }));
  try {
    await withStage({ label: `matrix-${suite}`, suite, signal, say }, (stage) => runOn(stage, rows));
  } catch (error) {
    for (const row of rows) row.problem ??= error instanceof Error ? error.message : String(error);
  }
  return rows;
}

async function runOn(stage: Stage, rows: readonly MatrixRow[]): Promise<void> {
  const worlds = rows.map((row) => ({ row, world: worldOf(stage, row.proxy) }));
  for (const { row, world } of worlds) {
    row.versions = await versionsOf(stage, row.proxy);
    const wanted = VERSIONS[row.suite];
    const isWanted = row.versions.includes(`Docker ${wanted.docker}.`) && row.versions.includes(` ${wanted[row.proxy]}.`);
    // What is said to be tested with a version is: a suite that has moved on has to be looked at.
    if (!isWanted) row.problem = `versions: Docker ${wanted.docker} and ${row.proxy} ${wanted[row.proxy]} were expected`;
    row.passed.push('install');
    await runSteps(world, row, STEPS);
  }
  const serving = worlds.filter(({ row }) => row.problem === null);
  const versions = await reboot(
    stage,
    serving.map(({ world }) => world),
  );
  for (const [index, { row, world }] of serving.entries()) {
    const answer = versions[index] ?? '';
    if (/^v[12]$/.test(answer)) row.passed.push('reboot');
    else row.problem = `reboot: ${answer} instead of the app before the daemon is up`;
    await runSteps(world, row, STEPS_AFTER_REBOOT);
  }
}

/** Up to the first that fails. */
async function runSteps(world: World, row: MatrixRow, steps: readonly Step[]): Promise<void> {
  for (const { name, run } of steps) {
    if (row.problem !== null) return;
    world.stage.say(`${row.suite} ${row.proxy}: ${name}`);
    try {
      const left = await run(world);
      if (left === undefined) row.passed.push(name);
      else row.skipped.push(`${name}: ${left.skipped}`);
    } catch (error) {
      world.stage.signal.throwIfAborted();
      row.problem = `${name}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}

/** With the daemon switched off, so that what answers answers by itself; it is on again afterwards. What each app answered. */
async function reboot(stage: Stage, worlds: readonly World[]): Promise<string[]> {
  const { bed, say } = stage;
  say(`${bed.suite}: reboot`);
  await expectSuccess(bed, ['systemctl', 'disable', '--quiet', 'nextdeployd']);
  const engine = engineOf(bedPaths(), bed.id);
  await engine.docker(['restart', '--time', '60', `nextdeploy-bed-${bed.id}`], { timeoutMs: 90_000 });
  await waitUntilReady(bed, stage.signal);
  const answers = await Promise.all(worlds.map((world) => answerInTime(world)));
  await expectSuccess(bed, ['systemctl', 'enable', '--quiet', '--now', 'nextdeployd']);
  await untilDaemonAnswers(stage);
  return answers;
}

function answerInTime(world: World): Promise<string> {
  const ask = async () => {
    const answer = await answeringVersion(world);
    return /^v[12]$/.test(answer) ? answer : undefined;
  };
  return until('an answer of the app', ask, BOOT_MS_MAX).catch((error: unknown) => String(error));
}

async function versionsOf({ bed }: Stage, proxy: ProxyType): Promise<string> {
  const docker = await expectSuccess(bed, ['docker', 'version', '--format', '{{.Server.Version}}']);
  const { stdout, stderr } = await bed.exec(proxy === 'caddy' ? ['caddy', 'version'] : ['nginx', '-v']);
  const version = /\d+\.\d+\.\d+/.exec(`${stdout}${stderr}`)?.[0] ?? 'of unknown version';
  return `Docker ${docker.trim().split('+')[0]}, ${proxy === 'caddy' ? 'Caddy' : 'nginx'} ${version}`;
}

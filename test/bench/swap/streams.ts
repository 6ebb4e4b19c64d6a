/** `swap.streams`: what is open while an app is swapped, and POST bodies all the while, behind both proxies at once. */
import type { ProxyType } from '../../../daemon/contract/names.ts';
import { STREAM_KINDS, type StreamsRun } from '../agent/protocol.ts';
import { countFigure } from '../figures.ts';
import { expectSuccess } from '../server-tools.ts';
import type { BenchContext } from '../suite.ts';
import { HEALTH_PATH, HTTP_PORT, PROXIES, type Stage, versionAfter } from './stage.ts';

/** Longer than anything open here. */
const DRAIN_MS = 30_000;
const RUN_MS_MAX = 900_000;
/** What is open must have been so at most switches, or nothing was tried. */
const SPANNING_PART_MIN = 0.5;

export async function measureOpenStreams(stage: Stage, { isQuick, say, emit }: BenchContext): Promise<void> {
  const plan = isQuick ? { apps: 1, swaps: 2 } : { apps: 2, swaps: 25 };
  // They wait most of the time, so the apps of both proxies are swapped beside each other.
  const lanes = PROXIES.flatMap((proxy) =>
    Array.from({ length: plan.apps }, (_, index) => ({ proxy, app: `bench-${proxy}-${index}` })),
  );
  for (const { proxy, app } of lanes) await deployPosting(stage, proxy, app);
  say(`swaps with streams open across them: ${plan.apps * plan.swaps} a proxy`);
  const runs = await Promise.all(
    lanes.map(async ({ proxy, app }) => ({ proxy, run: await runLane(stage, proxy, app, plan.swaps) })),
  );
  for (const proxy of PROXIES) {
    const ours = runs.filter((lane) => lane.proxy === proxy).map(({ run }) => run);
    report(proxy, ours, say);
    const broken = ours.reduce((sum, run) => sum + cutOf(run) + run.lost + run.repeated, 0);
    emit(countFigure(`swap.streams.${proxy}`, 'streams', { value: broken, reference: null }, { at_most: 0 }));
  }
}

const domainOf = (app: string) => `${app}.bench.test`;
const volumeOf = (app: string) => `${app}-posts`;
const cutOf = ({ kinds }: StreamsRun) => STREAM_KINDS.reduce((sum, kind) => sum + kinds[kind].cut, 0);

/** The releases of the app count the bodies that reach them in one file. */
async function deployPosting({ bed, deploy, images }: Stage, proxy: ProxyType, app: string): Promise<void> {
  await expectSuccess(bed, ['docker', 'volume', 'create', volumeOf(app)]);
  // Its owner is root, and the fixture runs as somebody else.
  await expectSuccess(bed, ['chmod', '0777', await mountpoint({ bed }, app)]);
  await deploy({
    app_name: app,
    image: images.tiny.v1,
    domain: domainOf(app),
    proxy,
    drain_ms: DRAIN_MS,
    volumes: [{ kind: 'volume', name: volumeOf(app), target: '/posts' }],
    env: { TINY_POSTS_FILE: '/posts/file' },
  });
}

async function mountpoint({ bed }: Pick<Stage, 'bed'>, app: string): Promise<string> {
  const path = await expectSuccess(bed, ['docker', 'volume', 'inspect', '--format', '{{.Mountpoint}}', volumeOf(app)]);
  return path.trim();
}

async function runLane(stage: Stage, proxy: ProxyType, app: string, swaps: number): Promise<StreamsRun> {
  const { agent, daemon, images } = stage;
  const versions = Array.from({ length: swaps }, (_, index) => versionAfter(index));
  const request = {
    daemon,
    app,
    images: versions.map((version) => images.tiny[version]),
    versions,
    entry: { address: '127.0.0.1', port: HTTP_PORT[proxy], path: HEALTH_PATH, host: domainOf(app) },
    posts_file: `${await mountpoint(stage, app)}/file`,
  };
  return agent('streams', request, RUN_MS_MAX);
}

function report(proxy: ProxyType, runs: readonly StreamsRun[], say: BenchContext['say']): void {
  for (const kind of STREAM_KINDS) {
    const total = (count: 'opened' | 'spanning' | 'cut') => runs.reduce((sum, run) => sum + run.kinds[kind][count], 0);
    say(`  ${proxy}, ${kind}: ${total('opened')} opened, ${total('spanning')} across a switch, ${total('cut')} cut`);
    const isShort = kind === 'post';
    if (!isShort && total('spanning') + total('cut') < SPANNING_PART_MIN * total('opened'))
      throw new Error(`most of ${kind} behind ${proxy} had ended before the switch: the machine is too busy to say anything`);
  }
  const bodies = (count: 'lost' | 'repeated') => runs.reduce((sum, run) => sum + run[count], 0);
  say(`  ${proxy}, bodies: ${bodies('lost')} lost, ${bodies('repeated')} sent twice`);
  for (const problem of runs.flatMap((run) => run.problems)) say(`    ${problem}`);
}

/** Swaps one after the other under a light load, with a new image each, sampled in between. */
import type { ProxyType } from '../../daemon/contract/names.ts';
import { countFigure, type Figure } from '../bench/figures.ts';
import { expectSuccess } from '../bench/server-tools.ts';
import { startLoad } from '../chaos/load.ts';
import type { Stage } from '../chaos/stage.ts';
import { deploy, type World, worldOf } from '../chaos/world.ts';
import { flatness } from './flat.ts';
import { RESOURCES, STATE_DISK, takeSample } from './sample.ts';

const SAMPLES_WANTED = 20;
const SWAPS_PER_SAMPLE_MAX = 25;
/** Releases beyond those that are kept have to be there, so that retention has its work. */
const WARM_UP_MIN = 10;
/** Of the journal, for each swap, until as many operations are kept as are kept (5,000): their steps, and an event for each. */
const STATE_KIB_PER_SWAP_MAX = 128;

type Sample = ReadonlyMap<string, number>;

/** Emits `soak.RESOURCE.PROXY`; throws when a swap fails. */
export async function soak(stage: Stage, proxy: ProxyType, swaps: number, emit: (figure: Figure) => void): Promise<void> {
  const world = worldOf(stage, proxy);
  const step = Math.min(SWAPS_PER_SAMPLE_MAX, Math.max(1, Math.floor(swaps / SAMPLES_WANTED)));
  await deploy(world, stage.images.v1, { drain_ms: 100 });
  const warmUp = Math.max(WARM_UP_MIN, step);
  stage.say(`${proxy}: ${warmUp} swaps to warm up, then ${swaps}, sampled every ${step}`);
  await swapMany(world, 0, warmUp);
  const samples: Sample[] = [];
  let failed = 0;
  const started_ms = performance.now();
  for (let done = 0; done < swaps; ) {
    const count = Math.min(step, swaps - done);
    failed += await swapMany(world, warmUp + done, count);
    done += count;
    const sample = await takeSample(stage.bed, proxy);
    samples.push(sample);
    const memory = `daemon ${Math.round((sample.get('daemon_rss') ?? 0) / 1024)} MiB`;
    stage.say(`${progress(proxy, done, swaps, failed, performance.now() - started_ms)}, ${memory}`);
  }
  for (const { name, unit, tolerance } of RESOURCES) {
    const values = samples.map((sample) => sample.get(name) ?? Number.NaN);
    emit(flatness(`soak.${name}.${proxy}`, unit, values, tolerance));
  }
  emit(stateGrowth(proxy, samples, step));
  emit(countFigure(`soak.failed.${proxy}`, 'requests', { value: failed, reference: null }, { at_most: 0 }));
}

/** Under load of its own, so that a long run does not depend on one program's staying; returns the requests that failed. */
async function swapMany(world: World, from: number, count: number): Promise<number> {
  const { stage, site, app } = world;
  const load = startLoad(stage.bed, site, 'saturating');
  try {
    for (let index = from; index < from + count; index += 1) {
      stage.signal.throwIfAborted();
      const image = await newImage(stage, index);
      await stage.client.call('swap', { body: { app_name: app, image }, query: { wait: '1' }, signal: stage.signal });
    }
    return (await load.stop()).failed;
  } finally {
    await load.stop();
  }
}

/** As a pipeline ships them: each with a name and an id of its own, and old ones to be removed by the daemon. */
async function newImage({ bed, images }: Stage, index: number): Promise<string> {
  const name = `soak:${index}`;
  const from = index % 2 === 0 ? images.v2 : images.v1;
  await expectSuccess(bed, ['docker', 'build', '--quiet', '--tag', name, '-'], { input: `FROM ${from}\nLABEL soak=${index}\n` });
  return name;
}

function stateGrowth(proxy: ProxyType, samples: readonly Sample[], step: number): Figure {
  const first = samples[0]?.get(STATE_DISK) ?? Number.NaN;
  const last = samples.at(-1)?.get(STATE_DISK) ?? Number.NaN;
  const perSwap = (last - first) / (step * (samples.length - 1));
  return countFigure(
    `soak.state_per_swap.${proxy}`,
    'KiB',
    { value: perSwap, reference: first },
    { at_most: STATE_KIB_PER_SWAP_MAX },
  );
}

function progress(proxy: ProxyType, done: number, swaps: number, failed: number, elapsed_ms: number): string {
  const each_ms = elapsed_ms / done;
  const left_min = Math.ceil(((swaps - done) * each_ms) / 60_000);
  const lost = failed === 0 ? '' : `, ${failed} requests failed`;
  return `${proxy}: ${done} of ${swaps} swaps, ${(each_ms / 1000).toFixed(1)} s each, ${left_min} min left${lost}`;
}

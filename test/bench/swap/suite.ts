/** The suite `swap`: what a swap costs and what it loses, on a disposable server with the real daemon, Docker, Caddy and nginx. */
import type { BenchContext } from '../suite.ts';
import { measureUnderLoad } from './loaded.ts';
import { measureOverhead } from './overhead.ts';
import { startReleases } from './reference.ts';
import { PROXIES, withStage } from './stage.ts';
import { measureOpenStreams } from './streams.ts';

export async function measureSwapping(context: BenchContext): Promise<void> {
  await withStage(context, async (stage) => {
    await measureOverhead(stage, context);
    await startReleases(stage);
    for (const proxy of PROXIES) await measureUnderLoad(proxy, stage, context);
    await measureOpenStreams(stage, context);
  });
}

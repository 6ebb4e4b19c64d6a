/** The suite `swap`: what a swap costs and what it loses, on a disposable server with the real daemon, Docker and Caddy. */
import type { BenchContext } from '../suite.ts';
import { measureUnderLoad } from './loaded.ts';
import { measureOverhead } from './overhead.ts';
import { withStage } from './stage.ts';

export async function measureSwapping(context: BenchContext): Promise<void> {
  await withStage(context, async (stage) => {
    await measureOverhead(stage, context);
    await measureUnderLoad(stage, context);
  });
}

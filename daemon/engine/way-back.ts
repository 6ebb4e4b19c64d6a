/** What an unwinding sends visitors back to has to be there. */
import { DomainError } from '../contract/errors.ts';
import type { World } from './ports.ts';
import { waitUntilHealthy } from './probe.ts';
import { NoWayBack } from './saga.ts';
import { type ContainerPlan, type StepOf, WAY_BACK_MS_MAX } from './steps.ts';

/**
 * Starts those of the old containers again that have died since, and waits until they answer. Throws {@link NoWayBack} when none of the old
 * ones can serve: a release that is sick may recover, one that is gone does not.
 */
export async function prepareWayBack(
  { app_name, replaces }: Pick<StepOf<'switch'>, 'app_name' | 'replaces'>,
  world: World,
  signal: AbortSignal,
): Promise<void> {
  if (replaces === null) return;
  const dead = await findDead(app_name, replaces.containers, world, signal);
  if (dead.length === 0) return;
  const { health } = replaces;
  const deadline_ms = health.kind === 'none' ? 0 : Math.min(health.deadline_ms, WAY_BACK_MS_MAX);
  try {
    if (dead.some(({ isGone }) => isGone)) throw new NoWayBack('');
    const containers = dead.map(({ plan }) => plan);
    await Promise.all(containers.map(({ name }) => world.containers.start(name, signal)));
    await waitUntilHealthy({ containers, health: health.kind === 'none' ? health : { ...health, deadline_ms } }, world, signal);
  } catch (error) {
    signal.throwIfAborted();
    // Some of several serve better than none.
    if (dead.length < replaces.containers.length) return;
    if (error instanceof DomainError && error.code === 'unavailable') throw error;
    const names = dead.map(({ plan }) => plan.name).join(', ');
    const remedy = 'Deploy a release that works, or roll back: that brings up an earlier one anew';
    throw new NoWayBack(`The release before it cannot serve any more (${names}), so there is nothing to go back to. ${remedy}.`);
  }
}

interface Dead {
  plan: ContainerPlan;
  isGone: boolean;
}

/** Docker being away says nothing against them. */
async function findDead(
  app_name: string,
  plans: readonly ContainerPlan[],
  { containers }: Pick<World, 'containers'>,
  signal: AbortSignal,
): Promise<Dead[]> {
  const looks = plans.map(async (plan) => {
    const inspection = await containers.inspect(plan.name, signal).catch(() => 'unknown' as const);
    signal.throwIfAborted();
    if (inspection === 'unknown') return [];
    const isOurs = inspection?.app_name === app_name;
    return isOurs && inspection.is_running ? [] : [{ plan, isGone: !isOurs }];
  });
  return (await Promise.all(looks)).flat();
}

/** Carries out each kind of step. No decisions here: those are in the plan. Everything may run twice. */
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import { domainOwner } from './domains.ts';
import { waitUntilDrained } from './drain.ts';
import type { Journal, OwnContainer, World } from './ports.ts';
import { waitUntilHealthy } from './probe.ts';
import { type Executors, StepFailure } from './saga.ts';
import type { Change } from './state.ts';
import type { ContainerPlan, StepOf } from './steps.ts';
import { verifyThroughProxy } from './verify.ts';

/** A removal in an unwinding is of a container that never served, or serves no more: it gets a short time to end. */
const UNDO_STOP_TIMEOUT_MS = 2_000;

export function createExecutors(world: World, journal: Pick<Journal, 'listApps'>): Executors {
  const { containers, images, markers, proxy } = world;

  const removeAll = async (targets: readonly OwnContainer[], stopTimeoutMs: number, signal: AbortSignal) => {
    await Promise.all(targets.map((target) => containers.remove(target, stopTimeoutMs, signal)));
  };

  return {
    validate: {
      async do(step, { signal }) {
        const owner = step.domain === null ? undefined : domainOwner(journal, step.domain, step.app_name);
        if (owner)
          throw new StepFailure(`The domain ${step.domain} belongs to the app ${owner}; choose another, or purge that app.`);
        if (step.needs_proxy) await proxy.check(signal);
        return {};
      },
    },

    pull: {
      async do(step, { signal }) {
        const wanted = step.pinned_image_id ?? step.image;
        const here = await images.find(wanted, signal);
        if (here === null) await images.pull(step.image, signal);
        const image_id = here ?? (await images.find(wanted, signal));
        if (image_id === null) throw new StepFailure(missingPinned(step));
        const changes: Change[] = [{ kind: 'image_pinned', app_name: step.app_name, release: step.release, image_id }];
        const detail = here === null ? `pulled ${shortId(image_id)}` : `already on the host as ${shortId(image_id)}, not pulled`;
        return { detail, output: { image_id }, ...(step.pinned_image_id === null ? { changes } : {}) };
      },
    },

    create: {
      async do(step, { signal, output }) {
        const { image_id } = output;
        if (image_id === undefined) throw new Error('create came before pull');
        const create = (plan: ContainerPlan, replica: number) =>
          containers.create({ ...step.template, ...plan, replica, image_id }, signal);
        await Promise.all(step.containers.map(create));
        return { detail: step.containers.map((plan) => `${plan.name} at ${plan.address}`).join(', ') };
      },
      async undo(step, { signal }) {
        // What has the name may be what kept this operation from making its own.
        const { app_name, operation_id } = step.template;
        const made = step.containers.map(({ name }) => ({ name, app_name, operation_id }));
        await removeAll(made, UNDO_STOP_TIMEOUT_MS, signal);
        return {};
      },
    },

    start: {
      async do(step, { signal }) {
        await Promise.all(step.containers.map((plan) => containers.start(plan.name, signal)));
        return { detail: `${step.containers.map((plan) => plan.name).join(', ')} started` };
      },
    },

    route: {
      async do(step, { signal }) {
        // The proxy answers 503 for a new route until the switch, so it needs a marker first.
        if (step.route !== null && (await markers.read(step.app_name)) === null) await markers.write(step.app_name, 'stopped');
        await proxy.apply(step.app_name, step.route, signal);
        return { changes: [{ kind: 'app_route', app_name: step.app_name, route: step.route }] };
      },
      async undo(step, { signal }) {
        await proxy.apply(step.app_name, step.previous, signal);
        if (step.previous === null && (await markers.read(step.app_name)) === 'stopped') await markers.remove(step.app_name);
        return { changes: [{ kind: 'app_route', app_name: step.app_name, route: step.previous }] };
      },
    },

    probe: {
      async do(step, { signal }) {
        return { detail: await waitUntilHealthy(step, world, signal) };
      },
    },

    switch: {
      async do(step, { signal }) {
        if (step.to.marker !== null) await markers.write(step.app_name, step.to.marker);
        // From here on Docker brings it back after a reboot, whether or not the daemon lives.
        await Promise.all(step.containers.map((plan) => containers.setRestart(plan.name, true, signal)));
        return { detail: switchDetail(step), changes: switchChanges(step) };
      },
      async undo(step) {
        if (step.from.marker === null) await markers.remove(step.app_name);
        else await markers.write(step.app_name, step.from.marker);
        // The containers go next, with their restart policy: what may fail here would only keep them from going.
        return { changes: unswitchChanges(step) };
      },
    },

    verify: {
      async do(step, { signal }) {
        return { detail: await verifyThroughProxy(step, world, signal) };
      },
    },

    drain: {
      async do(step, { signal }) {
        return { detail: await waitUntilDrained(step, world, signal) };
      },
    },

    retire: {
      async do(step, { signal }) {
        const { app_name } = step;
        const replaced = step.containers.map(({ name }) => ({ name, app_name }));
        await removeAll(replaced, step.stop_timeout_ms, signal);
        if (step.final_route === 'unchanged') return {};
        await proxy.apply(step.app_name, step.final_route, signal);
        return { changes: [{ kind: 'app_route', app_name: step.app_name, route: step.final_route }] };
      },
    },

    stop: {
      async do(step, { signal }) {
        // Whatever of ours is there, also what an earlier failure left.
        const others = (await containers.list(signal)).filter((container) => container.app_name === step.app_name);
        const names = new Set([...step.containers, ...others].map((container) => container.name));
        const { app_name } = step;
        const targets = [...names].map((name) => ({ name, app_name }));
        await removeAll(targets, step.stop_timeout_ms, signal);
        return {};
      },
    },

    remove: {
      async do(step) {
        await markers.remove(step.app_name);
        return { changes: [{ kind: 'app_removed', app_name: step.app_name }] };
      },
    },
  };
}

function missingPinned(step: StepOf<'pull'>): string {
  return `The image of ${step.release} (${step.image}) is no longer on this host and its registry has another one now; deploy it as a new release.`;
}

function switchDetail(step: StepOf<'switch'>): string {
  if (step.to.marker === 'stopped') return 'answering 503';
  return step.from.marker === null ? `${step.to.marker} is live` : `${step.from.marker} → ${step.to.marker}`;
}

function switchChanges({ app_name, from, to }: StepOf<'switch'>): Change[] {
  const wanted = to.marker === 'stopped' ? 'stopped' : 'running';
  const changes: Change[] = [{ kind: 'app_serves', app_name, release: to.release, slot: to.slot, wanted }];
  if (from.release !== to.release && from.release !== null) {
    const end_reason = `replaced by ${to.release}`;
    changes.push({ kind: 'release_state', app_name, release: from.release, state: 'standby', end_reason });
  }
  if (to.release !== null)
    changes.push({ kind: 'release_state', app_name, release: to.release, state: 'live', end_reason: null });
  return changes;
}

function unswitchChanges({ app_name, from, to }: StepOf<'switch'>): Change[] {
  const wanted = from.marker === 'stopped' ? 'stopped' : 'running';
  const changes: Change[] = [{ kind: 'app_serves', app_name, release: from.release, slot: from.slot, wanted }];
  if (to.release !== null && to.release !== from.release) {
    // A release made by this operation becomes `failed` when the operation ends.
    changes.push({
      kind: 'release_state',
      app_name,
      release: to.release,
      state: 'standby',
      end_reason: 'did not pass verification',
    });
  }
  if (from.release !== null)
    changes.push({ kind: 'release_state', app_name, release: from.release, state: 'live', end_reason: null });
  return changes;
}

function shortId(imageId: string): string {
  return imageId.replace('sha256:', '').slice(0, 12);
}

/** The evidence that any failed step can have: what the containers of the operation look like now. */
export async function examineContainers(
  plans: readonly ContainerPlan[],
  world: Pick<World, 'containers'>,
  signal: AbortSignal,
): Promise<{ log_tail: string[]; exit_code: number | null; oom_killed: boolean }> {
  const nothing = { log_tail: [], exit_code: null, oom_killed: false };
  for (const plan of plans) {
    try {
      const observed = await world.containers.inspect(plan.name, signal);
      if (!observed) continue;
      const log_tail = await world.containers.logTail(plan.name, LIMITS.evidence_log_lines, signal);
      return { log_tail, exit_code: observed.is_running ? null : observed.exit_code, oom_killed: observed.oom_killed };
    } catch (error) {
      const detail = error instanceof DomainError ? error.message : 'the container could not be examined';
      return { ...nothing, log_tail: [`(${detail})`] };
    }
  }
  return nothing;
}

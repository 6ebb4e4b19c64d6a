/**
 * Carries out each kind of step. No decisions here: those are in the plan. Everything may run twice. What takes a signal begins nothing once
 * it is aborted; before what takes none the signal is asked, unless it comes first.
 */
import type { ProxyType } from '../contract/names.ts';
import { waitUntilDrained } from './drain.ts';
import { runHook } from './hook.ts';
import { directing } from './journal.ts';
import { maintenancePage } from './maintenance-page.ts';
import type { Journal, OwnContainer, World } from './ports.ts';
import { waitUntilHealthy } from './probe.ts';
import { type Executors, type StepContext, StepFailure } from './saga.ts';
import { demandRoomForSecrets, openSecrets } from './secrets.ts';
import type { ServedRoutes } from './served-routes.ts';
import { replicaOf } from './slots.ts';
import { type Change, isSlot, type OperationRecord, type RouteModel, type SiteSettings, type StepOutput } from './state.ts';
import type { ContainerPlan, ContainerTemplate, ImageWish, Routing, StepOf } from './steps.ts';
import { validate, withCredentials } from './validate.ts';
import { verifyThroughProxy } from './verify.ts';
import { watchRelease } from './watch.ts';
import { prepareWayBack } from './way-back.ts';

/** For a container that never served. */
const UNDO_STOP_TIMEOUT_MS = 2_000;

/** `makeRoom`: frees what can be freed of a disk that is low; says whether there is room to pull now. */
export function createExecutors(
  world: World,
  journal: Pick<Journal, 'listApps' | 'listPortRoutes' | 'getRelease'>,
  makeRoom: (signal: AbortSignal) => Promise<boolean>,
  served: Pick<ServedRoutes, 'follow'>,
): Executors {
  const { containers, images, markers, proxies } = world;
  const secretsOf = ({ app_name, release }: ContainerTemplate) => openSecrets(world, journal, app_name, release);

  const removeAll = async (targets: readonly OwnContainer[], stopTimeoutMs: number, signal: AbortSignal) => {
    await all(targets.map((target) => containers.remove(target, stopTimeoutMs, signal)));
  };
  const hasRoute = async (proxy: ProxyType, app_name: string) => {
    const listed = await proxies[proxy].listApps().catch((): string[] => []); // there cannot be any
    return listed.includes(app_name);
  };
  const applyRouting = async (app_name: string, { changes }: Routing, side: 'to' | 'from', signal: AbortSignal) => {
    for (const change of side === 'to' ? changes : changes.toReversed()) {
      // What is only cleared, in case, may be no route of a proxy that is not even installed.
      const isCleared = change.from === null && change.to === null;
      if (isCleared && !(await hasRoute(change.proxy, app_name))) continue;
      signal.throwIfAborted();
      await proxies[change.proxy].apply(app_name, change[side], signal);
    }
  };
  const hook = {
    do: (step: StepOf<'pre_switch'>, context: StepContext) => runHook(step, secretsOf(step.template), world, context),
    undo: async ({ container, template }: StepOf<'pre_switch'>, { signal }: StepContext) => {
      const { app_name, operation_id } = template;
      await containers.remove({ name: container, app_name, operation_id }, UNDO_STOP_TIMEOUT_MS, signal);
      return {};
    },
  };

  return {
    validate: {
      async do(step, { operation, signal, credentials }) {
        await validate(step, { world, journal, makeRoom, credentials, signal });
        if (operation.release !== null) demandRoomForSecrets(world, journal, step.app_name, operation.release);
        return {};
      },
    },

    pull: {
      async do({ image, app_name, release, has_credentials }, { signal, credentials, report }) {
        const wanted = image.pinned_image_id ?? image.reference;
        const here = image.pull === 'always' && image.pinned_image_id === null ? null : await images.find(wanted, signal);
        const pull = () => images.pull(image.reference, { credentials, onProgress: (layers) => report({ layers }) }, signal);
        const image_id = here ?? (await withCredentials({ has_credentials, credentials }, pull));
        if (image.pinned_image_id !== null && image_id !== image.pinned_image_id)
          throw new StepFailure(missingPinned(release, image));
        const detail = here === null ? `pulled ${shortId(image_id)}` : `already on the host as ${shortId(image_id)}, not pulled`;
        return { detail, output: { image_id }, changes: [{ kind: 'image_pinned', app_name, release, image_id }] };
      },
    },

    pre_switch: hook,
    post_switch: hook,

    create: {
      async do(step, { signal, output }) {
        const image_id = pulledImage(output);
        const secrets = secretsOf(step.template);
        const create = ({ name, address }: ContainerPlan) =>
          containers.create(
            {
              ...step.template,
              ...{ name, address, image_id, secrets },
              role: { kind: 'replica', replica: replicaOf(name) },
              command: null,
            },
            signal,
          );
        await all(step.containers.map(create));
        return { detail: step.containers.map((plan) => `${plan.name} at ${plan.address}`).join(', ') };
      },
      async undo({ template, containers: plans }, { operation, signal }) {
        // What has the name may be what kept this operation from making its own.
        const { app_name, operation_id, drain_ms, stop_timeout_ms } = template;
        const made = plans.map(({ name }) => ({ name, app_name, operation_id }));
        if (!hasServed(operation)) {
          await removeAll(made, UNDO_STOP_TIMEOUT_MS, signal);
          return {};
        }
        // Visitors go elsewhere by now; what they began here ends here.
        await waitUntilDrained({ addresses: plans.map(({ address }) => address), drain_ms }, world, signal);
        await removeAll(made, stop_timeout_ms, signal);
        return {};
      },
    },

    start: {
      async do(step, { signal }) {
        await all(step.containers.map((plan) => containers.start(plan.name, signal)));
        return { detail: `${step.containers.map((plan) => plan.name).join(', ')} started` };
      },
    },

    route: {
      async do({ app_name, routing, is_first, settings }, { signal }) {
        // Before the proxy has the route.
        if (is_first && (await markers.read(app_name)) === null) {
          signal.throwIfAborted();
          await markers.write(app_name, 'stopped');
        }
        await applyRouting(app_name, routing, 'to', signal);
        return { changes: routeChanges(app_name, routing.to, settings?.to) };
      },
      async undo({ app_name, routing, is_first, settings }, { signal }) {
        await applyRouting(app_name, routing, 'from', signal);
        if (is_first && (await markers.read(app_name)) === 'stopped') {
          signal.throwIfAborted();
          await markers.remove(app_name);
        }
        return { changes: routeChanges(app_name, routing.from, settings?.from) };
      },
    },

    probe: {
      async do(step, { signal }) {
        return { detail: await waitUntilHealthy(step, world, signal) };
      },
    },

    switch: {
      async do(step, { signal }) {
        // Before visitors come: from here on Docker brings it back after a reboot, whether or not the daemon lives.
        await all(step.containers.map((plan) => containers.setRestart(plan.name, true, signal)));
        // Those that visitors of other sites come through have to know the new ones first.
        if (isSlot(step.to.marker)) await served.follow(step.app_name, signal);
        signal.throwIfAborted();
        if (step.to.marker !== null) await markers.write(step.app_name, step.to.marker);
        // What an earlier app of that name has left would close this one.
        if (step.from.marker === null) await markers.writePage(step.app_name, null);
        return { detail: switchDetail(step), changes: switchChanges(step) };
      },
      async undo(step, { operation, signal }) {
        const isThere = (await markers.read(step.app_name)) === step.from.marker;
        if (!isThere) await prepareWayBack(step, world, signal);
        signal.throwIfAborted();
        if (step.from.marker === null) await markers.remove(step.app_name);
        else await markers.write(step.app_name, step.from.marker);
        // What they know beside the old slot matters to nobody now; the next start sets it right.
        await served.follow(step.app_name, signal).catch(() => undefined);
        // The containers go next, with their restart policy: what may fail here would only keep them from going.
        return { changes: unswitchChanges(step, operation.error?.message ?? 'was switched back') };
      },
    },

    verify: {
      async do(step, { signal }) {
        return { detail: await verifyThroughProxy(step, world, signal) };
      },
    },

    watch: {
      async do(step, context) {
        return { detail: await watchRelease(step, world, context) };
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
        // The new ones are known to them since the switch.
        await served.follow(app_name, signal).catch(() => undefined);
        signal.throwIfAborted();
        if (step.routing === null) return {};
        await applyRouting(app_name, step.routing, 'to', signal);
        return { changes: [{ kind: 'app_route', app_name, route: step.routing.to }] };
      },
    },

    scale: {
      async do({ app_name, to, from, containers: added }, { signal }) {
        await all(added.map(({ name }) => containers.setRestart(name, true, signal)));
        await served.follow(app_name, signal);
        return { detail: `${from} → ${to}`, changes: [{ kind: 'app_replicas', app_name, replicas: to }] };
      },
      async undo({ app_name, from }, { signal }) {
        await served.follow(app_name, signal);
        return { changes: [{ kind: 'app_replicas', app_name, replicas: from }] };
      },
    },

    maintain: {
      async do({ app_name, to }) {
        await markers.writePage(app_name, to && maintenancePage(to));
        const detail = to === null ? 'visitors are served' : 'visitors get the maintenance page';
        return { detail, changes: [{ kind: 'app_maintenance', app_name, maintenance: to }] };
      },
      async undo({ app_name, from }) {
        await markers.writePage(app_name, from && maintenancePage(from));
        return { changes: [{ kind: 'app_maintenance', app_name, maintenance: from }] };
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

/** Whether visitors were sent to what the operation made. */
function hasServed(operation: OperationRecord): boolean {
  return operation.steps.some(({ step, state }) => step.name === directing(operation) && state === 'done');
}

/** Like `Promise.all`, but leaves nothing under way: an unwinding that came in between would not see what is still being made. */
async function all(actions: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(actions);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

function pulledImage({ image_id }: StepOutput): string {
  if (image_id === undefined) throw new Error('the image has not been pulled yet');
  return image_id;
}

function missingPinned(release: string, image: ImageWish): string {
  return `The image of ${release} (${image.reference}) is no longer on this host and its registry has another one now; deploy it as a new release.`;
}

function switchDetail(step: StepOf<'switch'>): string {
  if (step.to.marker === 'stopped') return 'answering 503';
  return step.from.marker === null ? `${step.to.marker} is live` : `${step.from.marker} → ${step.to.marker}`;
}

function switchChanges({ app_name, from, to }: StepOf<'switch'>): Change[] {
  const wanted = to.marker === 'stopped' ? 'stopped' : 'running';
  const { release, slot, replicas } = to;
  const changes: Change[] = [{ kind: 'app_serves', app_name, release, slot, replicas, wanted }];
  if (from.release !== to.release && from.release !== null) {
    const end_reason = `replaced by ${to.release}`;
    changes.push({ kind: 'release_state', app_name, release: from.release, state: 'standby', end_reason });
  }
  if (to.release !== null)
    changes.push({ kind: 'release_state', app_name, release: to.release, state: 'live', end_reason: null });
  return changes;
}

function unswitchChanges({ app_name, from, to }: StepOf<'switch'>, end_reason: string): Change[] {
  const wanted = from.marker === 'stopped' ? 'stopped' : 'running';
  const { release, slot, replicas } = from;
  const changes: Change[] = [{ kind: 'app_serves', app_name, release, slot, replicas, wanted }];
  if (to.release !== null && to.release !== from.release) {
    // A release made by this operation becomes `failed` when the operation ends.
    changes.push({ kind: 'release_state', app_name, release: to.release, state: 'standby', end_reason });
  }
  if (from.release !== null)
    changes.push({ kind: 'release_state', app_name, release: from.release, state: 'live', end_reason: null });
  return changes;
}

/** `settings` undefined: the step is not about them. */
function routeChanges(app_name: string, route: RouteModel | null, settings: SiteSettings | null | undefined): Change[] {
  const changes: Change[] = [{ kind: 'app_route', app_name, route }];
  return settings === undefined ? changes : [...changes, { kind: 'app_routing', app_name, routing: settings }];
}

function shortId(imageId: string): string {
  return imageId.replace('sha256:', '').slice(0, 12);
}

import type { AppConfiguration } from '../../daemon/contract/configuration.ts';
import type {
  AppStatus,
  DaemonEvent,
  Operation,
  OperationKind,
  OperationStep,
  Release,
  StepName,
} from '../../daemon/contract/domain.ts';
import type { FieldError } from '../../daemon/contract/errors.ts';
import { DEFAULTS } from '../../daemon/contract/limits.ts';
import { can, isWatching, previousRelease } from '../../daemon/contract/rules.ts';
import { HOOK_OUTPUT, LAYER_SIZES, STEP_DETAIL, STEPS } from './script-steps.ts';
import { Refusal } from './scripted-bridge.ts';
import { pinsOf } from './scripted-secrets.ts';
import { ago, imageId, newOperationId, operation, release, type WorldHost } from './world.ts';

const STEP_MS = 350;
const TICK_MS = 120;
const PULL_BYTES_PER_TICK = 1_600_000;

/** What an operation of the script brings. */
export interface Wish {
  kind: OperationKind;
  image?: string;
  /** Of the release that is made; absent: what is live. */
  configuration?: AppConfiguration;
  /** A release that serves once more as it was. */
  again?: Release;
  replicas?: number;
  /** What *validate* finds wrong. */
  refusal?: FieldError;
  maintenance?: AppStatus['maintenance'];
}

type Tell = (world: WorldHost, kind: DaemonEvent['kind'], about: Operation) => void;

/** Plays operations, a step after the other, and takes them back where that is asked. */
export class ScriptedOperations {
  readonly #tell: Tell;
  /** So many times faster than it is pleasant to watch; a watch window lasts as long as it says. */
  readonly #pace: number;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(tell: Tell, pace: number) {
    this.#tell = tell;
    this.#pace = pace;
  }

  start(world: WorldHost, name: string, wish: Wish): Operation {
    const app = this.#appOf(world, name);
    if (app.operation_id !== null) {
      throw new Refusal({ code: 'conflict', message: 'An operation is in progress.', operation_id: app.operation_id });
    }
    const { kind } = wish;
    const live = liveOf(world, app);
    const configuration = wish.configuration ?? live?.configuration;
    const isNew = wish.image !== undefined;
    const numbers = (world.releases[name] ?? []).map((each) => Number(each.id.slice(1)));
    const next = isNew ? `r${Math.max(Number(app.release?.slice(1) ?? 0), ...numbers) + 1}` : null;
    const started = operation({
      id: newOperationId(),
      app_name: name,
      kind,
      state: 'running',
      image: wish.image ?? wish.again?.image ?? app.version,
      release: next ?? wish.again?.id ?? app.release,
      from_release: app.release,
      slot: app.slot === 'blue' ? 'green' : 'blue',
      created_at: ago(0),
      ended_at: null,
      steps: stepsOf(wish, app, isNew ? configuration : undefined).map(pendingStep),
    });
    world.operations.unshift(started);
    if (next !== null && wish.image !== undefined) {
      const made = release(name, Number(next.slice(1)), wish.image, {
        ...(configuration && { configuration }),
        secrets: pinsOf(world, name, configuration?.project ?? null),
        state: 'pending',
        created_at: ago(0),
        ended_at: null,
        end_reason: null,
      });
      world.releases[name] = [made, ...(world.releases[name] ?? [])];
    }
    setApp(world, name, { operation_id: started.id, status: 'updating' });
    this.#tell(world, 'operation.started', started);
    this.#play(world, started.id, wish);
    return started;
  }

  /** Takes an operation back: at once, one step after the other in the eye of the operator. */
  cancel(world: WorldHost, id: string): Operation {
    const running = find(world, id);
    const verdict = can.cancel(running);
    if (!verdict.allowed) throw new Refusal({ code: 'conflict', message: `It cannot be cancelled: ${verdict.reason}.` });
    clearTimeout(this.#timers.get(id));
    const steps = running.steps.map((step): OperationStep => {
      if (step.state === 'pending') return { ...step, state: 'skipped' };
      const isTaken = ['create', 'route', 'switch', 'pre_switch', 'post_switch'].includes(step.name);
      const failed = { state: 'failed' as const, ended_at: ago(0), detail: 'it was cancelled', layers: null };
      if (step.state === 'running') return { ...step, ...failed };
      return isTaken ? { ...step, state: 'undone' } : step;
    });
    const error = { message: 'Cancelled by admin.', step: null };
    const hasSwitched = running.steps.some(({ name, state }) => name === 'switch' && state === 'done');
    if (hasSwitched) setApp(world, running.app_name, { slot: running.slot === 'blue' ? 'green' : 'blue' });
    return this.#end(world, { ...running, steps, state: 'cancelled', error }, 'it was cancelled');
  }

  keep(world: WorldHost, id: string): Operation {
    const running = find(world, id);
    if (!isWatching(running)) throw new Refusal({ code: 'conflict', message: 'It is not in its watch window.' });
    clearTimeout(this.#timers.get(id));
    return this.#endStep(world, id, 'watch', { kind: running.kind });
  }

  #later(id: string, delay_ms: number, act: () => void): void {
    this.#timers.set(id, setTimeout(act, delay_ms));
  }

  /** Begins the next pending step; after the last one, ends the operation. */
  #play(world: WorldHost, id: string, wish: Wish): Operation {
    const running = find(world, id);
    const step = running.steps.find(({ state }) => state === 'pending');
    if (step === undefined) return this.#finish(world, running, wish);
    const after = patch(running, step.name, { state: 'running', started_at: ago(0) });
    replace(world, after);
    this.#tell(world, 'operation.progress', after);
    if (step.name === 'validate' && wish.refusal !== undefined) {
      const { refusal } = wish;
      this.#later(id, STEP_MS / this.#pace, () => this.#fail(world, id, refusal));
    } else if (step.name === 'pull' && !isHere(world, running.image)) this.#pull(world, id, wish, 0);
    else if (step.name === 'pre_switch' || step.name === 'post_switch') this.#print(world, id, step.name, wish, 0);
    else
      this.#later(id, windowOf(world, after, step.name) ?? STEP_MS / this.#pace, () => this.#endStep(world, id, step.name, wish));
    return after;
  }

  #endStep(world: WorldHost, id: string, name: StepName, wish: Wish): Operation {
    const running = find(world, id);
    const detail = name === 'watch' ? 'kept' : STEP_DETAIL[name];
    replace(world, patch(running, name, { state: 'done', ended_at: ago(0), detail: detail ?? null, layers: null }));
    if (name === 'switch' && running.kind !== 'stop' && running.kind !== 'remove') {
      setApp(world, running.app_name, { slot: running.slot, version: running.image ?? '' });
      this.#serve(world, running.app_name, running.release, `replaced by a ${running.kind}`);
    }
    return this.#play(world, id, wish);
  }

  #pull(world: WorldHost, id: string, wish: Wish, tick: number): void {
    const layers = layersAt(tick);
    replace(world, patch(find(world, id), 'pull', { layers, detail: null }));
    this.#tell(world, 'operation.progress', find(world, id));
    if (layers.every(({ state }) => state === 'done')) this.#endStep(world, id, 'pull', wish);
    else this.#later(id, TICK_MS / this.#pace, () => this.#pull(world, id, wish, tick + 1));
  }

  #print(world: WorldHost, id: string, name: 'pre_switch' | 'post_switch', wish: Wish, lines: number): void {
    replace(world, patch(find(world, id), name, { output: HOOK_OUTPUT.slice(0, lines), detail: 'node scripts/migrate.js' }));
    this.#tell(world, 'operation.progress', find(world, id));
    if (lines > HOOK_OUTPUT.length) this.#endStep(world, id, name, wish);
    else this.#later(id, TICK_MS / this.#pace, () => this.#print(world, id, name, wish, lines + 1));
  }

  #fail(world: WorldHost, id: string, { message, field }: FieldError): void {
    const running = find(world, id);
    const steps = running.steps.map((step): OperationStep => {
      if (step.state === 'running') return { ...step, state: 'failed', ended_at: ago(0), detail: message };
      return step.state === 'pending' ? { ...step, state: 'skipped' } : step;
    });
    const error = { message, step: 'validate' as const, field };
    this.#end(world, { ...running, steps, state: 'failed', error }, message);
  }

  /** Ends an operation that has not lasted: what served before it serves again. */
  #end(world: WorldHost, running: Operation, reason: string): Operation {
    const ended = { ...running, ended_at: ago(0) };
    replace(world, ended);
    this.#serve(world, ended.app_name, ended.from_release, reason, true);
    setApp(world, ended.app_name, { operation_id: null, status: ended.from_release === null ? 'error' : 'running' });
    this.#tell(world, 'operation.ended', ended);
    return ended;
  }

  #finish(world: WorldHost, running: Operation, wish: Wish): Operation {
    const ended: Operation = { ...running, state: 'succeeded', ended_at: ago(0) };
    replace(world, ended);
    const { app_name, kind } = ended;
    if (kind === 'remove') world.apps = world.apps.filter(({ name }) => name !== app_name);
    else {
      const isStopped = kind === 'stop';
      setApp(world, app_name, {
        operation_id: null,
        status: isStopped ? 'stopped' : 'running',
        updated_at: ago(0),
        health: { healthy: isStopped ? null : true, checked_at: ago(0), detail: isStopped ? 'not running' : 'GET / 200' },
        ...(isStopped ? { replicas: 0 } : {}),
        ...(wish.replicas === undefined ? {} : { replicas: wish.replicas, replicas_wanted: wish.replicas }),
        ...(wish.maintenance === undefined ? {} : { maintenance: wish.maintenance }),
      });
    }
    this.#tell(world, 'operation.ended', ended);
    return ended;
  }

  /** Makes `id` the live release, and the one before it standby, or failed where it is taken back. */
  #serve(world: WorldHost, name: string, id: string | null, reason: string, isTakenBack = false): void {
    world.releases[name] = (world.releases[name] ?? []).map((each) => {
      if (each.id === id) return { ...each, state: 'live' as const, ended_at: null, end_reason: null };
      const isOver = each.state === 'live' || each.state === 'pending';
      const isGone = each.state === 'pending' || isTakenBack;
      const state = isGone ? ('failed' as const) : ('standby' as const);
      return isOver ? { ...each, state, ended_at: ago(0), end_reason: reason } : each;
    });
    const releases = world.releases[name] ?? [];
    const live = releases.find((each) => each.id === id);
    setApp(world, name, {
      release: id,
      previous_release: previousRelease(releases, id)?.id ?? null,
      nextcore: live?.nextcore ?? null,
      ...(live === undefined ? {} : { version: live.image }),
    });
  }

  #appOf(world: WorldHost, name: string): AppStatus {
    const found = world.apps.find((each) => each.name === name);
    if (found === undefined) throw new Refusal({ code: 'not_found', message: `There is no app "${name}" here.` });
    return found;
  }
}

function stepsOf({ kind }: Wish, app: AppStatus, made: AppConfiguration | undefined): StepName[] {
  const steps = STEPS[kind].filter((name) => app.release !== null || !['watch', 'drain', 'retire'].includes(name));
  return steps.flatMap((name): StepName[] => {
    if (name === 'create' && made?.pre_switch !== undefined) return ['pre_switch', name];
    if (name === 'verify' && made?.post_switch !== undefined) return [name, 'post_switch'];
    return [name];
  });
}

function pendingStep(name: StepName): OperationStep {
  return { name, state: 'pending', started_at: null, ended_at: null, detail: null, output: null, layers: null };
}

/** How long a watch lasts; null: it is another step. */
function windowOf(world: WorldHost, { app_name, release: id }: Operation, name: StepName): number | null {
  if (name !== 'watch') return null;
  return world.releases[app_name]?.find((each) => each.id === id)?.configuration.watch_ms ?? DEFAULTS.watch_ms;
}

function layersAt(tick: number): NonNullable<OperationStep['layers']> {
  let budget = tick * PULL_BYTES_PER_TICK;
  return LAYER_SIZES.map((size, index) => {
    const id = imageId(`layer ${index}`).slice(7, 19);
    if (size === null) return { id, state: 'done' as const, current_bytes: 0, total_bytes: null };
    const share = Math.min(size, Math.max(0, index < 3 ? budget : budget - 20_000_000));
    budget -= share * 0.6;
    const isKnown = tick > index * 2;
    const total_bytes = isKnown ? size : null;
    if (!isKnown || share <= 0) return { id, state: 'waiting' as const, current_bytes: 0, total_bytes };
    if (share < size) return { id, state: 'downloading' as const, current_bytes: Math.round(share), total_bytes };
    const isUnpacked = tick * PULL_BYTES_PER_TICK > (index + 1) * 18_000_000 + size;
    return { id, state: isUnpacked ? ('done' as const) : ('extracting' as const), current_bytes: size, total_bytes };
  });
}

const isHere = (world: WorldHost, image: string | null) =>
  world.images.some(({ references }) => references.includes(image ?? ''));
const liveOf = (world: WorldHost, app: AppStatus) => world.releases[app.name]?.find(({ id }) => id === app.release);

function patch(running: Operation, name: StepName, part: Partial<OperationStep>): Operation {
  return { ...running, steps: running.steps.map((step) => (step.name === name ? { ...step, ...part } : step)) };
}

function find(world: WorldHost, id: string): Operation {
  const found = world.operations.find((each) => each.id === id);
  if (found === undefined) throw new Refusal({ code: 'not_found', message: `There is no operation ${id}.` });
  return found;
}

function replace(world: WorldHost, after: Operation): void {
  world.operations = world.operations.map((each) => (each.id === after.id ? after : each));
}

function setApp(world: WorldHost, name: string, part: Partial<AppStatus>): void {
  world.apps = world.apps.map((each) => (each.name === name ? { ...each, ...part } : each));
}

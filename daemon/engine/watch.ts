/** The watch window: the new release serves, the old one is kept warm, and the first sign that the new one is sick ends it (DESIGN §4). */
import type { HealthCheck } from '../contract/configuration.ts';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Inspection, World } from './ports.ts';
import { ProbeLog } from './probe-log.ts';
import { StepFailure } from './saga.ts';
import type { ContainerPlan, StepOf } from './steps.ts';

/** Between two looks, at least: sick containers are found soon enough, and healthy ones are left in peace. */
const PAUSE_MS_MIN = 1_000;
/** So many looks in a row must find a container not running: Docker may just be starting it again. */
const GONE_LOOKS = 2;

/**
 * Resolves with a line for the timeline when the window has passed, or `kept` was aborted. Throws {@link StepFailure} with evidence when a
 * container crashes, or fails as many probes in a row as its health check allows. Docker itself being away is nobody's fault: it waits.
 */
export async function watchRelease(
  step: StepOf<'watch'>,
  world: Pick<World, 'containers' | 'prober' | 'clock'>,
  { started_at, kept, signal }: { started_at: string; kept: AbortSignal; signal: AbortSignal },
): Promise<string> {
  const { clock } = world;
  // Across a restart of the daemon only wall time is known; it may have jumped.
  const passedMs = clamp(clock.now().getTime() - Date.parse(started_at), 0, step.watch_ms);
  const end = clock.monotonicMs() + step.watch_ms - passedMs;
  const watched = step.containers.map((plan) => new WatchedContainer(plan, step.health, Date.parse(started_at), world));
  const pauseMs = Math.max(PAUSE_MS_MIN, step.health.kind === 'none' ? 0 : step.health.interval_ms);
  for (;;) {
    if (kept.aborted) return `${String(kept.reason)}`;
    // Before the verdict, however much of the window has passed while the daemon was away.
    const looks = await Promise.all(watched.map((container) => container.look(signal)));
    const left = end - clock.monotonicMs();
    // Not on the word of looks that saw nothing: then it goes on until the step's own deadline.
    if (left <= 0 && looks.every((hasSeen) => hasSeen)) return `healthy for ${step.watch_ms / 1000} s`;
    await pause(left > 0 ? Math.min(pauseMs, left) : pauseMs, clock, kept, signal);
  }
}

async function pause(ms: number, clock: World['clock'], kept: AbortSignal, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, AbortSignal.any([kept, signal]));
  } catch (error) {
    signal.throwIfAborted();
    if (!kept.aborted) throw error;
  }
}

class WatchedContainer {
  readonly #plan: ContainerPlan;
  readonly #health: HealthCheck;
  readonly #world: Pick<World, 'containers' | 'prober' | 'clock'>;
  readonly #log = new ProbeLog(LIMITS.probes_in_evidence_max);
  #gone = 0;
  #failures = 0;
  /** By Docker's wall clock, which may jump: only ever compared for being the same. Null before the first look. */
  #startedAt: string | null = null;
  readonly #began: number;
  /** Until then failures do not count: it was started again, with Docker or by hand, and has not answered yet. */
  #graceUntil = Number.NEGATIVE_INFINITY;

  constructor(plan: ContainerPlan, health: HealthCheck, began: number, world: Pick<World, 'containers' | 'prober' | 'clock'>) {
    this.#plan = plan;
    this.#health = health;
    this.#began = began;
    this.#world = world;
  }

  /** Whether it has seen how the container is: while Docker does not answer only a probe can tell. */
  async look(signal: AbortSignal): Promise<boolean> {
    const seen = await this.#inspect(signal);
    const isUnknown = seen === 'unknown';
    const inspection = isUnknown ? null : seen;
    if (!isUnknown) this.#demandAlive(inspection);
    if (this.#health.kind === 'none') return !isUnknown;
    if (!isUnknown && inspection?.is_running !== true) return false;
    if (inspection !== null) this.#noteStart(inspection, this.#health.start_period_ms);
    const { is_refused: _, is_endless: __, ...result } = await this.#world.prober.probe(this.#plan, this.#health, signal);
    this.#log.add(result);
    // Docker being away takes containers with it, or not: a bad answer says nothing then.
    if (isUnknown) return result.healthy;
    if (result.healthy) this.#graceUntil = Number.NEGATIVE_INFINITY;
    // While Docker is away its containers may be, too: that is nobody's fault.
    const isExcused = isUnknown || this.#world.clock.monotonicMs() < this.#graceUntil;
    this.#failures = result.healthy || isExcused ? 0 : this.#failures + 1;
    if (this.#failures < this.#health.retries) return result.healthy;
    const answered = result.status === null ? result.detail : `it answered ${result.status}`;
    throw this.#failure(`${this.#plan.name} failed ${this.#failures} probes in a row after the switch: ${answered}.`, inspection);
  }

  async #inspect(signal: AbortSignal): Promise<Inspection | null | 'unknown'> {
    try {
      return await this.#world.containers.inspect(this.#plan.name, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof DomainError && error.code === 'unavailable') return 'unknown';
      throw error;
    }
  }

  #noteStart({ started_at }: Inspection, gracePeriodMs: number): void {
    const isAgain = this.#startedAt === null ? Date.parse(started_at ?? '') > this.#began : started_at !== this.#startedAt;
    this.#startedAt = started_at ?? '';
    if (isAgain) this.#graceUntil = this.#world.clock.monotonicMs() + gracePeriodMs;
  }

  #demandAlive(inspection: Inspection | null): void {
    const { name } = this.#plan;
    if (inspection?.oom_killed === true) throw this.#failure(`${name} ran out of memory after the switch.`, inspection);
    // Its containers were made by this operation, so whatever Docker has counted happened since.
    if (inspection !== null && inspection.restart_count > 0) {
      const code = inspection.is_running ? '' : ` with exit code ${inspection.exit_code ?? 'unknown'}`;
      throw this.#failure(`${name} crashed${code} after the switch.`, inspection);
    }
    this.#gone = inspection?.is_running === true ? 0 : this.#gone + 1;
    if (this.#gone < GONE_LOOKS) return;
    const how = inspection === null ? 'was removed' : `ended with exit code ${inspection.exit_code ?? 'unknown'}`;
    throw this.#failure(`${name} ${how} after the switch.`, inspection);
  }

  #failure(message: string, inspection: Inspection | null): StepFailure {
    const { exit_code = null, oom_killed = false } = inspection ?? {};
    const evidence = { exit_code, oom_killed, probes: this.#log.results() };
    return new StepFailure(message, evidence, { container: this.#plan.name });
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, Number.isNaN(value) ? min : value));
}

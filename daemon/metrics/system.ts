import { setTimeout as delay } from 'node:timers/promises';
import type { SystemMetrics } from '../contract/domain.ts';

/** What the kernel says at one moment; `host/proc.ts` reads it. */
export interface RawSample {
  /** Ticks since boot. */
  cpu: { total: number; idle: number };
  cores: number;
  memory: { total_bytes: number; available_bytes: number };
  disk: { total_bytes: number; free_bytes: number; available_bytes: number };
  /** Since boot. */
  network: { received_bytes: number; sent_bytes: number };
  load: [number, number, number];
  uptime_seconds: number;
}

interface TimedSample {
  raw: RawSample;
  at_ms: number;
}

const TICK_MS = 1_000;
/** Rates over less are noise; rates over more are not "now". */
const BASE_AGE_MS = { min: 200, max: 5_000 } as const;
/** A reader this far behind has no use for older figures. */
const SUBSCRIBER_BUFFER_MAX = 60;

/**
 * Rates and levels from two samples: what the host does now. Counters that went backwards (a reboot, an interface that
 * vanished) count as zero.
 */
export function systemMetrics(before: TimedSample, now: TimedSample): SystemMetrics {
  const { memory, disk } = now.raw;
  const ticks = now.raw.cpu.total - before.raw.cpu.total;
  const busy = ticks - (now.raw.cpu.idle - before.raw.cpu.idle);
  const seconds = (now.at_ms - before.at_ms) / 1000;
  const rate = (counter: keyof RawSample['network']) =>
    seconds <= 0 ? 0 : Math.max(0, Math.round((now.raw.network[counter] - before.raw.network[counter]) / seconds));
  return {
    ts: new Date(now.at_ms).toISOString(),
    cpu: { percent: ticks <= 0 ? 0 : round(Math.min(100, Math.max(0, (100 * busy) / ticks))), cores: now.raw.cores },
    memory: { ...memory, used_bytes: memory.total_bytes - memory.available_bytes },
    disk: {
      total_bytes: disk.total_bytes,
      used_bytes: disk.total_bytes - disk.free_bytes,
      available_bytes: disk.available_bytes,
    },
    network: { received_bytes_per_second: rate('received_bytes'), sent_bytes_per_second: rate('sent_bytes') },
    load: now.raw.load,
    uptime: now.raw.uptime_seconds,
  };
}

const round = (percent: number) => Math.round(percent * 10) / 10;

/** Gives each message to all who listen; `Hub` of `stream/` does. */
export interface Audience {
  publish(metrics: SystemMetrics): void;
  subscribe(options: { signal: AbortSignal; buffer_max: number }): AsyncIterableIterator<SystemMetrics | { dropped: number }>;
  readonly subscriberCount: number;
}

export interface SystemSamplerOptions {
  audience: Audience;
  read: () => Promise<RawSample>;
  /** Told of a sample that could not be read; the next tick tries again. */
  onError: (error: unknown) => void;
  now?: () => number;
  tick_ms?: number;
}

/** The host's figures: on demand, and every second while somebody listens (otherwise nothing runs). */
export class SystemSampler {
  readonly #read: () => Promise<RawSample>;
  readonly #onError: (error: unknown) => void;
  readonly #now: () => number;
  readonly #tick_ms: number;
  readonly #audience: Audience;
  #latest: TimedSample | undefined;
  #isTicking: boolean = false;

  constructor({ audience, read, onError, now = Date.now, tick_ms = TICK_MS }: SystemSamplerOptions) {
    this.#audience = audience;
    this.#read = read;
    this.#onError = onError;
    this.#now = now;
    this.#tick_ms = tick_ms;
  }

  /** The figures of now. Takes a fifth of a second where no earlier sample is there to compare with. Rejects with the signal's reason. */
  async sample(signal?: AbortSignal): Promise<SystemMetrics> {
    const age = this.#latest === undefined ? Number.POSITIVE_INFINITY : this.#now() - this.#latest.at_ms;
    let before = this.#latest;
    if (before === undefined || age < BASE_AGE_MS.min || age > BASE_AGE_MS.max) {
      before = await this.#take();
      await delay(BASE_AGE_MS.min, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
      // The caller's own reason: what a timer rejects with would be taken for a fault of the daemon.
      signal?.throwIfAborted();
    }
    const now = await this.#take();
    this.#latest = now;
    return systemMetrics(before, now);
  }

  /** Figures each second, the first at once. Ends when `signal` is aborted or the loop is left. */
  async *subscribe(signal: AbortSignal): AsyncGenerator<SystemMetrics | { dropped: number }, void> {
    const subscription = this.#audience.subscribe({ signal, buffer_max: SUBSCRIBER_BUFFER_MAX });
    try {
      if (signal.aborted) return;
      void this.#tick();
      yield* subscription;
    } finally {
      await subscription.return?.();
    }
  }

  /** Runs while there are subscribers; a second call while it runs changes nothing. */
  async #tick(): Promise<void> {
    if (this.#isTicking) return;
    this.#isTicking = true;
    while (this.#audience.subscriberCount > 0) {
      try {
        this.#audience.publish(await this.sample());
      } catch (error) {
        this.#onError(error);
      }
      await delay(this.#tick_ms, undefined, { ref: false });
    }
    this.#isTicking = false;
  }

  async #take(): Promise<TimedSample> {
    return { raw: await this.#read(), at_ms: this.#now() };
  }
}

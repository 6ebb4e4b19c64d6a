/** What others may do to operations that run: cancel them, keep what they brought up, see how far they are. */
import { DomainError } from '../contract/errors.ts';
import type { RegistryCredentials } from './ports.ts';
import type { OperationControl } from './saga.ts';
import type { OperationRecord, StepProgress } from './state.ts';

interface Control {
  cancelled: AbortController;
  kept: AbortController;
  progress: StepProgress | null;
  waiting: Set<{ tell(record: OperationRecord): void; giveUp(reason: unknown): void }>;
}

export class OperationControls {
  readonly #controls = new Map<string, Control>();

  /** For the time that the operation runs; `onProgress` after each report of a step. */
  open(id: string, credentials: RegistryCredentials | null, onProgress: (progress: StepProgress) => void): OperationControl {
    const control: Control = {
      cancelled: new AbortController(),
      kept: new AbortController(),
      progress: null,
      waiting: new Set(),
    };
    this.#controls.set(id, control);
    const report = (progress: StepProgress) => {
      control.progress = progress;
      onProgress(progress);
    };
    return { cancelled: control.cancelled.signal, kept: control.kept.signal, credentials, report };
  }

  close(id: string): void {
    const control = this.#controls.get(id);
    this.#controls.delete(id);
    // Those that it did not come to: the daemon stops.
    const reason = new DomainError(
      'unavailable',
      `The operation ${id} was interrupted; look at it again when the daemon is back.`,
    );
    for (const { giveUp } of [...(control?.waiting ?? [])]) giveUp(reason);
  }

  /** What its steps have reported last. */
  progressOf(id: string): StepProgress | null {
    return this.#controls.get(id)?.progress ?? null;
  }

  /** To be called with each record once it is on disk. */
  written(record: OperationRecord): void {
    for (const { tell } of [...(this.#controls.get(record.id)?.waiting ?? [])]) tell(record);
  }

  /** Resolves with the record that first says so, on disk; or the one it ended with, if it was faster. */
  cancel(id: string, actor: string, signal: AbortSignal): Promise<OperationRecord> {
    const control = this.#demand(id);
    const done = this.#next(control, ({ state, direction }) => state !== 'running' || direction === 'unwind', signal);
    control.cancelled.abort(`Cancelled by ${actor}.`);
    return done;
  }

  /** Resolves with the record that says that the watch has ended. */
  keep(id: string, actor: string, signal: AbortSignal): Promise<OperationRecord> {
    const control = this.#demand(id);
    const hasEnded = ({ steps }: OperationRecord) =>
      steps.every(({ step, state }) => step.name !== 'watch' || state !== 'running');
    const done = this.#next(control, hasEnded, signal);
    control.kept.abort(`kept by ${actor}`);
    return done;
  }

  #demand(id: string): Control {
    const control = this.#controls.get(id);
    if (control) return control;
    throw new DomainError('conflict', `The operation ${id} does not run at this moment; look at it again in a few seconds.`);
  }

  #next(control: Control, holds: (record: OperationRecord) => boolean, signal: AbortSignal): Promise<OperationRecord> {
    const { promise, resolve, reject } = Promise.withResolvers<OperationRecord>();
    const waiter = {
      tell: (record: OperationRecord) => {
        if (holds(record)) resolve(record);
      },
      giveUp: reject,
    };
    const abort = () => reject(signal.reason);
    control.waiting.add(waiter);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    return promise.finally(() => {
      control.waiting.delete(waiter);
      signal.removeEventListener('abort', abort);
    });
  }
}

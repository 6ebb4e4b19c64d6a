/** The steps of an installation, reported as they begin, move and end. */
import { DomainError } from '../../../daemon/contract/errors.ts';
import type { InstallStep } from '../../../preload/contract.ts';

export interface StepOutcome<T> {
  value: T;
  detail: string;
}

export const done = (detail: string): StepOutcome<void> => ({ value: undefined, detail });

export class Steps {
  readonly #report: (step: InstallStep) => void;
  #current: InstallStep['name'] = 'preflight';
  #percent = 0;

  constructor(report: (step: InstallStep) => void) {
    this.#report = report;
  }

  async run<T>(name: InstallStep['name'], act: () => Promise<StepOutcome<T>>): Promise<T> {
    this.#current = name;
    this.#percent = 0;
    this.#report({ name, state: 'running', detail: '', progress: null });
    try {
      const { value, detail } = await act();
      this.#report({ name, state: 'done', detail, progress: null });
      return value;
    } catch (error) {
      const detail = error instanceof DomainError ? error.message : 'This step failed.';
      this.#report({ name, state: 'failed', detail, progress: null });
      throw error;
    }
  }

  skip(names: InstallStep['name'][], detail: string): void {
    for (const name of names) this.#report({ name, state: 'done', detail, progress: null });
  }

  /** At most one report a percent. */
  progress(share: number): void {
    const percent = Math.floor(share * 100);
    if (percent === this.#percent) return;
    this.#percent = percent;
    this.#report({ name: this.#current, state: 'running', detail: `${percent} %`, progress: Math.min(1, share) });
  }
}

import type { ProbeResult } from '../contract/domain.ts';

/** The probes of one wait, bounded: equal results in a row count as one, with how often; the first ones and the last ones are kept. */
export class ProbeLog {
  readonly #max: number;
  #runs: { result: ProbeResult; count: number }[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  add(result: ProbeResult): void {
    const last = this.#runs.findLast((run) => run.result.target === result.target);
    if (last && last.result.status === result.status && last.result.detail === result.detail) {
      last.count += 1;
      last.result = result;
      return;
    }
    this.#runs.push({ result, count: 1 });
    // The middle tells least.
    if (this.#runs.length > this.#max) this.#runs.splice(Math.floor(this.#max / 2), 1);
  }

  results(): ProbeResult[] {
    return this.#runs.map(({ result, count }) =>
      count === 1 ? result : { ...result, detail: `${result.detail} (${count} times)` },
    );
  }
}

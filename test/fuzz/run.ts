/** Batches of cases against a daemon: what is wrong with it, found down to the one case that shows it. */
import { isDeepStrictEqual } from 'node:util';
import { countFigure, type Figure } from '../bench/figures.ts';
import { flatness } from '../soak/flat.ts';
import type { Case } from './case.ts';
import { caseOf } from './cases.ts';
import { deliver, type Outcome } from './deliver.ts';
import { complaintsAbout, type Fault, mayHaveChanged } from './judge.ts';
import { differences, type State } from './state.ts';
import type { Target } from './target.ts';
import { World } from './world.ts';

export interface Finding {
  fault: Fault | 'crash' | 'change' | 'error_logged';
  /** Those that show it when they are sent in this order, nearly always one; where that did not come about again, the whole batch. */
  cases: Case[];
  detail: string;
}

export interface RunOptions {
  seed: number;
  requests: number;
  /** Ends after so long, in milliseconds, however many requests were sent. */
  duration_ms?: number | undefined;
  /** How much more memory the last quarter of the run may take than the second. */
  memory_tolerance: { units: number; percent: number };
  signal?: AbortSignal;
  say(line: string): void;
  onFinding(finding: Finding): void;
}

export interface RunResult {
  requests: number;
  findings: Finding[];
  /** Answers by their status, most frequent first. */
  figures: Figure[];
}

const BATCH = 250;
const AT_ONCE = 24;
/** Of a batch, each without what was accepted in the one before. */
const PASSES_MAX = 4;
const FINDINGS_MAX = 20;
const SAMPLES_MIN = 4;

export async function fuzz(target: Target, options: RunOptions): Promise<RunResult> {
  const fuzzer = new Fuzzer(target, await World.prepare(target), options);
  try {
    return await fuzzer.run();
  } finally {
    fuzzer.close();
  }
}

/** Sends these cases, one after the other, and judges them. */
export async function replay(
  target: Target,
  cases: readonly Case[],
  options: Pick<RunOptions, 'say' | 'onFinding'>,
): Promise<Finding[]> {
  const fuzzer = new Fuzzer(target, await World.prepare(target), {
    seed: 0,
    requests: 0,
    memory_tolerance: { units: 0, percent: 0 },
    ...options,
  });
  try {
    for (const each of cases) await fuzzer.batch([each]);
    return fuzzer.findings;
  } finally {
    fuzzer.close();
  }
}

class Fuzzer {
  readonly findings: Finding[] = [];
  readonly #target: Target;
  readonly #world: World;
  readonly #options: RunOptions;
  readonly #memory: number[] = [];

  constructor(target: Target, world: World, options: RunOptions) {
    [this.#target, this.#world, this.#options] = [target, world, options];
  }

  close(): void {
    this.#world.close();
  }

  async run(): Promise<RunResult> {
    const { seed, requests, duration_ms = Number.POSITIVE_INFINITY, say, signal } = this.#options;
    const begun = performance.now();
    let sent = 0;
    while (sent < requests && performance.now() - begun < duration_ms && this.findings.length < FINDINGS_MAX) {
      signal?.throwIfAborted();
      const count = Math.min(BATCH, requests - sent);
      const from = sent;
      await this.batch(Array.from({ length: count }, (_, index) => caseOf(seed, from + index)));
      this.#memory.push(await this.#target.memoryKib());
      sent += count;
      if (sent % (BATCH * 20) === 0)
        say(progress(sent, requests, performance.now() - begun, this.findings.length, this.#memory.at(-1) ?? 0));
    }
    return { requests: sent, findings: this.findings, figures: this.#figures(sent) };
  }

  /** One batch between two looks at everything that the daemon keeps. */
  async batch(cases: readonly Case[]): Promise<void> {
    await this.#world.settle();
    const before = await this.#target.readState();
    const outcomes = await this.#send(cases, AT_ONCE);
    const died = await this.#target.takeDeath();
    if (died !== null) return this.#blameDeath(cases, died);
    for (const [index, test] of cases.entries()) this.#judge(test, outcomes[index]);
    const errors = await this.#target.takeErrors();
    if (errors.length > 0) await this.#blameErrors(cases, errors);
    await this.#world.settle();
    await this.#compare(cases, outcomes, before);
  }

  async #send(cases: readonly Case[], atOnce: number): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    const queue = cases.entries();
    const work = async () => {
      for (const [index, test] of queue) outcomes[index] = await deliver(test, this.#target.address, this.#world.names);
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return outcomes;
  }

  #judge(test: Case, outcome: Outcome | undefined): void {
    if (outcome === undefined) throw new Error('each case has an outcome');
    for (const { fault, detail } of complaintsAbout(test, outcome, { has_docker: this.#target.image !== null }))
      this.#report({ fault, cases: [test], detail });
  }

  /**
   * What was accepted may change what is kept, and is taken out; what was refused is sent once more without it, and then nothing may be another.
   * `before`: as it was before the first time.
   */
  async #compare(cases: readonly Case[], outcomes: readonly Outcome[], before: State): Promise<void> {
    let [left, seen, old]: [readonly Case[], readonly Outcome[], State] = [cases, outcomes, before];
    for (let pass = 0; pass < PASSES_MAX; pass += 1) {
      const changes = differences(old, await this.#target.readState());
      if (changes.length === 0) return;
      const refused = left.filter((test, index) => !mayHaveChanged(test, seen[index] as Outcome)); // one for each
      if (refused.length === left.length) return this.#blameChange(left, changes);
      [left, old] = [refused, await this.#target.readState()];
      seen = await this.#send(left, AT_ONCE);
      await this.#world.settle();
    }
    this.#options.say('a batch was left out of the comparison: each time something else of it was accepted');
  }

  async #blameChange(cases: readonly Case[], changes: readonly string[]): Promise<void> {
    const changes_again = async (some: readonly Case[]) => {
      await this.#world.settle();
      const before = await this.#target.readState();
      await this.#send(some, 1);
      await this.#world.settle();
      return !isDeepStrictEqual(before, await this.#target.readState());
    };
    this.#report({ fault: 'change', cases: await blame(cases, changes_again), detail: changes.slice(0, 5).join('\n') });
  }

  async #blameDeath(cases: readonly Case[], said: string): Promise<void> {
    const dies_again = async (some: readonly Case[]) => {
      await this.#send(some, 1);
      return (await this.#target.takeDeath()) !== null;
    };
    this.#report({ fault: 'crash', cases: await blame(cases, dies_again), detail: said });
  }

  async #blameErrors(cases: readonly Case[], lines: readonly string[]): Promise<void> {
    const errs_again = async (some: readonly Case[]) => {
      await this.#send(some, 1);
      return (await this.#target.takeErrors()).length > 0;
    };
    this.#report({
      fault: 'error_logged',
      cases: await blame(cases, errs_again),
      detail: lines.slice(0, 3).join('\n').slice(0, 2_000),
    });
  }

  #report(finding: Finding): void {
    this.findings.push(finding);
    this.#options.onFinding(finding);
  }

  #figures(sent: number): Figure[] {
    const counted = (name: string, unit: string, faults: readonly Finding['fault'][]) => {
      const value = this.findings.filter(({ fault }) => faults.includes(fault)).length;
      return countFigure(`fuzz.${name}`, unit, { value, reference: null }, { at_most: 0 });
    };
    const enough = this.#memory.length >= SAMPLES_MIN;
    return [
      countFigure(
        'fuzz.requests',
        'requests',
        { value: sent, reference: null },
        { at_least: Math.min(sent, this.#options.requests) },
      ),
      counted('crashes', 'crashes', ['crash']),
      counted('5xx', 'answers', ['5xx']),
      counted('changes', 'batches', ['change']),
      ...(enough ? [flatness('fuzz.rss_growth', 'KiB', this.#memory, this.#options.memory_tolerance)] : []),
      counted('unanswered', 'requests', ['unanswered']),
      counted('malformed', 'answers', ['malformed']),
      counted('admitted', 'answers', ['admitted']),
      counted('errors_logged', 'batches', ['error_logged']),
    ];
  }
}

/** The one case that does it again, by halves; all of them when it takes several or does not come about again. */
export async function blame(cases: readonly Case[], happens: (some: readonly Case[]) => Promise<boolean>): Promise<Case[]> {
  let suspects = [...cases];
  while (suspects.length > 1) {
    const half = Math.ceil(suspects.length / 2);
    const halves = [suspects.slice(0, half), suspects.slice(half)];
    let guilty: Case[] | undefined;
    for (const each of halves) if (guilty === undefined && (await happens(each))) guilty = each;
    if (guilty === undefined) return suspects;
    suspects = guilty;
  }
  return suspects;
}

function progress(sent: number, requests: number, elapsed_ms: number, findings: number, memory_kib: number): string {
  const rate = Math.round(sent / (elapsed_ms / 1_000));
  return `${sent} of ${requests} requests, ${rate} a second, ${findings} findings, daemon at ${Math.round(memory_kib / 1_024)} MiB`;
}

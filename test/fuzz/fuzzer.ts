/** Sends batches of cases to a daemon and finds what is wrong with it, down to the one case that shows it. */
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Case } from './case.ts';
import { deliver, type Outcome } from './deliver.ts';
import { asksForChange, complaintsAbout, type Fault, mayHaveChanged } from './judge.ts';
import { differences, type State } from './state.ts';
import type { Target } from './target.ts';
import { World } from './world.ts';

export interface Finding {
  fault: Fault | 'crash' | 'change' | 'error_logged';
  /** Those that show it when they are sent in this order, nearly always one; where that did not come about again, the whole batch. */
  cases: Case[];
  detail: string;
}

export interface Reporter {
  say(line: string): void;
  onFinding(finding: Finding): void;
}

/** How cases are sent the first time, and again where what was refused is to be told from what was not. */
const FIRST = { at_once: 24, patience: 1 };
const AGAIN = { at_once: 24, patience: 4 };
const ONE_BY_ONE = { at_once: 1, patience: 3 };
/** Longer than any write of the daemon takes. */
const REST_MS = 150;
/** Of a batch, each without what was accepted in the one before. */
const PASSES_MAX = 6;

export class Fuzzer {
  readonly findings: Finding[] = [];
  /** Batches of which something else was accepted each time. */
  uncompared = 0;
  readonly #target: Target;
  readonly #world: World;
  readonly #reporter: Reporter;

  static async start(target: Target, reporter: Reporter): Promise<Fuzzer> {
    return new Fuzzer(target, await World.prepare(target), reporter);
  }

  private constructor(target: Target, world: World, reporter: Reporter) {
    [this.#target, this.#world, this.#reporter] = [target, world, reporter];
  }

  close(): void {
    this.#world.close();
  }

  /** What asks for a change, and what does not: among the latter nothing can be accepted, so once is enough for them. */
  async batch(cases: readonly Case[]): Promise<void> {
    const changing = cases.filter(asksForChange);
    for (const some of [cases.filter((test) => !asksForChange(test)), changing]) if (some.length > 0) await this.#examine(some);
  }

  /** Between two looks at everything that the daemon keeps. */
  async #examine(cases: readonly Case[]): Promise<void> {
    const before = await this.#restingState();
    const outcomes = await this.#send(cases, FIRST);
    const died = await this.#target.takeDeath();
    if (died !== null) return this.#blameDeath(cases, died);
    for (const [index, test] of cases.entries()) this.#judge(test, outcomes[index]);
    const errors = await this.#target.takeErrors();
    if (errors.length > 0) await this.#blameErrors(cases, errors);
    await this.#compare(cases, outcomes, before);
  }

  /** What is kept once nothing is done any more for callers who did not wait for their answers. */
  async #restingState(): Promise<State> {
    await this.#world.settle();
    for (let last = await this.#target.readState(); ; ) {
      await delay(REST_MS);
      const now = await this.#target.readState();
      if (isDeepStrictEqual(last, now)) return now;
      last = now;
    }
  }

  async #send(cases: readonly Case[], { at_once, patience }: typeof FIRST): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    const queue = cases.entries();
    const work = async () => {
      for (const [index, test] of queue) outcomes[index] = await deliver(test, this.#target.address, this.#world.names, patience);
    };
    await Promise.all(Array.from({ length: at_once }, work));
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
      const now = await this.#restingState();
      const changes = differences(old, now);
      if (changes.length === 0) return;
      const refused = left.filter((test, index) => !mayHaveChanged(test, seen[index] as Outcome)); // one for each
      if (refused.length === left.length) return this.#blameChange(left, changes);
      [left, old] = [refused, now];
      seen = await this.#send(left, AGAIN);
    }
    this.uncompared += 1;
  }

  async #blameChange(cases: readonly Case[], changes: readonly string[]): Promise<void> {
    const changes_again = async (some: readonly Case[]) => {
      const before = await this.#restingState();
      await this.#send(some, ONE_BY_ONE);
      return !isDeepStrictEqual(before, await this.#restingState());
    };
    this.#report({ fault: 'change', cases: await blame(cases, changes_again), detail: changes.slice(0, 5).join('\n') });
  }

  async #blameDeath(cases: readonly Case[], said: string): Promise<void> {
    const dies_again = async (some: readonly Case[]) => {
      await this.#send(some, ONE_BY_ONE);
      return (await this.#target.takeDeath()) !== null;
    };
    this.#report({ fault: 'crash', cases: await blame(cases, dies_again), detail: said });
  }

  async #blameErrors(cases: readonly Case[], lines: readonly string[]): Promise<void> {
    const errs_again = async (some: readonly Case[]) => {
      await this.#send(some, ONE_BY_ONE);
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
    this.#reporter.onFinding(finding);
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

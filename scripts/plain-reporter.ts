/** Closes a test run with one line that a machine can read, and says loudly what was skipped and why. */
import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';
import { z } from 'zod';

/** The variable in which `npm test` passes on what its checks before the tests found. */
export const EARLIER_CHECKS = 'NEXTDEPLOY_EARLIER_CHECKS';
const earlierChecksSchema = z.object({ passed: z.number(), failed: z.array(z.string()) });

export interface SkippedTest {
  file: string;
  name: string;
  /** From `context.skip(reason)`. */
  reason: string | undefined;
}

export interface RunResult {
  passed: number;
  failed: number;
  skipped: SkippedTest[];
  /** Failures that are no test's own: a file that does not load, an unhandled rejection, a run cut short. */
  otherFailures: string[];
}

/** The lines that close a run; the last is exactly `N passed, N failed`, with `, N skipped` where there are any. */
export function summarize({ passed, failed, skipped, otherFailures }: RunResult): string[] {
  const counts = `${passed} passed, ${failed + otherFailures.length} failed`;
  return [
    ...otherFailures.map((failure) => `FAILED outside of any test: ${failure}`),
    ...skipped.map(({ file, name, reason }) => `SKIPPED: ${file} > ${name}: ${reason ?? 'NO REASON GIVEN'}`),
    skipped.length === 0 ? counts : `${counts}, ${skipped.length} skipped`,
  ];
}

export class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly { message: string }[], reason: TestRunEndReason): void {
    const result = withEarlierChecks(process.env[EARLIER_CHECKS]);
    for (const module of modules) addModule(result, module);
    for (const error of unhandledErrors) result.otherFailures.push(error.message);
    if (reason === 'interrupted') result.otherFailures.push('the run was interrupted');
    if (modules.length === 0) result.otherFailures.push('no test file was found');
    console.log(`\n${summarize(result).join('\n')}`);
  }
}

function withEarlierChecks(text: string | undefined): RunResult {
  const { passed, failed } = text === undefined ? { passed: 0, failed: [] } : earlierChecksSchema.parse(JSON.parse(text));
  return { passed, failed: 0, skipped: [], otherFailures: failed };
}

function addModule(result: RunResult, module: TestModule): void {
  const file = module.relativeModuleId;
  for (const error of module.errors()) result.otherFailures.push(`${file}: ${error.message}`);
  for (const suite of module.children.allSuites()) {
    for (const error of suite.errors()) result.otherFailures.push(`${file} > ${suite.fullName}: ${error.message}`);
  }
  for (const test of module.children.allTests()) {
    const outcome = test.result();
    if (outcome.state === 'passed') result.passed += 1;
    else if (outcome.state === 'skipped') result.skipped.push({ file, name: test.fullName, reason: outcome.note });
    else result.failed += 1; // failed, or still pending when the run was cut short
  }
}

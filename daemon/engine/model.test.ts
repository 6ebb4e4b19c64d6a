/**
 * Random commands against the model world, with random trouble at random moments: whatever happens, the engine comes to rest with what is
 * kept and what there is saying the same, and visitors are served all the while.
 */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { anyCommand, type Command, firstDeploy } from './test-commands.ts';
import { ModelHost } from './test-host.ts';
import { checkAtRest } from './test-invariants.ts';

/** `MODEL_RUNS=10000` is for a longer hunt. */
const RUNS = Number(process.env.MODEL_RUNS ?? 200);
const COMMANDS_MAX = 12;

async function play(commands: readonly Command[]): Promise<void> {
  const host = new ModelHost();
  for (const command of commands) {
    await host.perform(command);
    await checkAtRest(host);
  }
}

describe('the engine', () => {
  it(
    'comes to rest in order, whatever is asked of it and whatever happens meanwhile',
    async () => {
      const anything = fc.array(anyCommand, { minLength: 1, maxLength: COMMANDS_MAX });
      await fc.assert(
        fc.asyncProperty(firstDeploy, anything, (first, commands) => play([first, ...commands])),
        { numRuns: RUNS },
      );
    },
    RUNS * 500,
  );
});

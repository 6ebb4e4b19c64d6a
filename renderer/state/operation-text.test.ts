import { describe, expect, it } from 'vitest';
import type { Operation, StepName, StepState } from '../../daemon/contract/domain.ts';
import { operation } from '../testing/world.ts';
import { cancelQuestion, cancelWord, endingOf, operationTitle, releaseChange } from './operation-text.ts';

const swap = operation({
  app_name: 'shop',
  kind: 'swap',
  image: 'registry.example.com/shop:v2',
  release: 'r5',
  from_release: 'r4',
});

function running(states: Partial<Record<StepName, StepState>>, part: Partial<Operation> = {}): Operation {
  const steps = swap.steps.map((step) => ({ ...step, state: states[step.name] ?? ('pending' as const) }));
  return { ...swap, state: 'running', ended_at: null, steps, ...part };
}

it('is called by what it does and brings', () => {
  expect(operationTitle(swap)).toBe('Swap to shop:v2');
  expect(operationTitle({ kind: 'scale', image: 'shop:v2' })).toBe('Scale');
});

it('names the releases that it goes between, or the one it concerns', () => {
  expect(releaseChange({ from_release: 'r4', release: 'r5' })).toBe('r4 → r5');
  expect(releaseChange({ from_release: 'r4', release: 'r4' })).toBe('r4');
  expect(releaseChange({ from_release: 'r4', release: null })).toBe('r4');
  expect(releaseChange({ from_release: null, release: null })).toBe('');
});

it('says how it ended, and which release serves after that', () => {
  expect(endingOf(swap)).toBeNull();
  expect(endingOf({ ...swap, state: 'failed' })).toBe('It did not succeed');
  expect(endingOf({ ...swap, state: 'rolled_back' })).toBe('It served, and was taken back: r4 serves again');
  expect(endingOf({ ...swap, state: 'cancelled' })).toBe('It was cancelled: r4 serves');
  expect(endingOf({ ...swap, state: 'cancelled', from_release: null })).toBe('It was cancelled');
});

describe('a cancel', () => {
  it('asks nothing where nothing is lost', () => {
    expect(cancelQuestion(running({ validate: 'done', probe: 'running' }))).toBeNull();
    expect(cancelQuestion(running({ switch: 'done', watch: 'running' }))).toBeNull();
  });

  it('says that the release before serves again, where it asks once the new one serves', () => {
    const step = { ...swap.steps[0]!, name: 'pre_switch' as const, state: 'done' as const }; // every operation has a step
    const watched = running({ switch: 'done', watch: 'running' });
    expect(cancelQuestion({ ...watched, steps: [step, ...watched.steps] })).toMatch(/^r4 serves again at once\. The pre-switch/);
  });

  it('asks where visitors would get an error, or a command has changed something', () => {
    const first = running({ switch: 'done', watch: 'running' }, { from_release: null });
    expect(cancelQuestion(first)).toMatch(/visitors get an error/);
    const step = { ...swap.steps[0]!, name: 'pre_switch' as const, state: 'done' as const }; // every operation has a step
    const migrated = running({ create: 'running' });
    expect(cancelQuestion({ ...migrated, steps: [step, ...migrated.steps] })).toMatch(/^The pre-switch command has run already/);
    expect(cancelQuestion({ ...migrated, steps: [{ ...step, state: 'pending' }, ...migrated.steps] })).toBeNull();
  });

  it('is an undo once the new release serves', () => {
    expect(cancelWord(running({ probe: 'running' }))).toBe('Cancel');
    expect(cancelWord(running({ switch: 'done', verify: 'running' }))).toBe('Undo');
  });
});

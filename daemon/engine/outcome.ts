/** What is told and kept about the app each time that an operation has come further. Pure. */
import { failureSentence } from '../contract/rules.ts';
import type { NewEvent } from './ports.ts';
import type { Change, OperationRecord } from './state.ts';

type MakeEvent = (kind: NewEvent['kind'], level: NewEvent['level'], message: string) => NewEvent;

/** The event of this record: where it is, or how it ended. */
export function progressOf(record: OperationRecord, event: MakeEvent): NewEvent {
  const what = `${record.kind} of ${record.app_name}`;
  if (record.state === 'succeeded') return event('operation.ended', 'info', `${what} succeeded`);
  if (record.state === 'cancelled') return event('operation.ended', 'warning', `${what} was cancelled`);
  if (record.state !== 'running')
    return event(
      'operation.ended',
      'error',
      `${what} ${WORDS[record.state] ?? record.state}: ${record.error ? failureSentence(record.error) : ''}`,
    );
  const current = record.steps.find((step) => step.state === 'running' || step.undo === 'running');
  const verb = record.direction === 'forward' ? '' : 'undoing ';
  return event('operation.progress', 'info', `${what}: ${verb}${current?.step.name ?? 'ending'}`);
}

const WORDS: Partial<Record<OperationRecord['state'], string>> = { rolled_back: 'was rolled back' };

/** Of an operation that has ended. */
export function finalChanges(record: OperationRecord): Change[] {
  const { app_name, release, error, steps } = record;
  const changes: Change[] = [{ kind: 'app_error', app_name, message: error && failureSentence(error) }];
  // Of what got stuck, the switch says what visitors get.
  const serves = steps.some(({ step, state, undo }) => step.name === 'switch' && state === 'done' && undo !== 'done');
  if (record.is_new_release && release !== null && !serves) {
    changes.push({ kind: 'release_state', app_name, release, state: 'failed', end_reason: error?.message ?? null });
  }
  return changes;
}

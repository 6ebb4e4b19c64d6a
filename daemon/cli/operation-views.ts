/** Operations as text. Pure. */
import type { Operation } from '../contract/domain.ts';
import { failureSentence } from '../contract/rules.ts';
import { age, elidedTable, pairs, seconds } from './format.ts';
import { evidenceLines, hints, timeline } from './timeline.ts';

const none = '-';

export function operationTable(operations: Operation[], columns: number, now_ms: number): string {
  const rows = operations.map((operation) => [
    operation.id,
    operation.app_name,
    operation.kind,
    operation.state,
    operation.release ?? none,
    age(operation.created_at, now_ms),
    operation.ended_at === null ? none : seconds(Date.parse(operation.ended_at) - Date.parse(operation.created_at)),
    operation.error === null ? '' : failureSentence(operation.error),
  ]);
  const head = ['OPERATION', 'APP', 'KIND', 'STATE', 'RELEASE', 'BEGAN', 'TOOK', 'ERROR'];
  const { text, isElided } = elidedTable(head, rows, columns);
  return operations.some((_, index) => isElided(index)) ? `${text}\nIn full: nextdeploy operation ID` : text;
}

export function operationDetails(operation: Operation, columns: number, now_ms: number): string {
  const head = pairs([
    ['operation', operation.id],
    ['app', operation.app_name],
    ['kind', operation.kind],
    ['state', operation.state],
    ['release', `${operation.from_release ?? none} → ${operation.release ?? none}`],
    ['image', operation.image ?? none],
    ['by', operation.actor],
    ['began', operation.created_at],
    ...(operation.ended_at === null ? [] : [['ended', operation.ended_at] as [string, string]]),
    ...(operation.error === null ? [] : [['error', failureSentence(operation.error)] as [string, string]]),
  ]);
  const evidence = operation.evidence === null ? [] : ['', ...evidenceLines(operation.evidence, operation.error?.message)];
  const steps = timeline(operation, { columns, now_ms, watch_ms: null, output: 'all' });
  const todo = hints(operation);
  return [head, '', ...steps, ...evidence, ...(todo.length === 0 ? [] : ['', ...todo])].join('\n');
}

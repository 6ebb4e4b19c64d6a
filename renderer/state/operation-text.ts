import type { Operation, OperationKind, StepName } from '../../daemon/contract/domain.ts';
import { shortReference } from '../format.ts';

export const KIND_WORD: Record<OperationKind, string> = {
  deploy: 'Deploy',
  swap: 'Swap',
  rollback: 'Roll back',
  start: 'Start',
  stop: 'Stop',
  restart: 'Restart',
  scale: 'Scale',
  maintenance: 'Maintenance',
  configure: 'Configure',
  remove: 'Remove',
};

/** The image that an operation brings up anew, or null. */
export function imageBrought({ kind, image }: Pick<Operation, 'kind' | 'image'>): string | null {
  return kind === 'deploy' || kind === 'swap' || kind === 'rollback' ? image : null;
}

/** `Swap to shop:v2`: what an operation is, in one line. */
export function operationTitle(operation: Pick<Operation, 'kind' | 'image'>): string {
  const word = KIND_WORD[operation.kind];
  const image = imageBrought(operation);
  return image === null ? word : `${word} to ${shortReference(image)}`;
}

/** `r11 → r12`, or the one release that is concerned; empty where there is none. */
export function releaseChange({ from_release, release }: Pick<Operation, 'from_release' | 'release'>): string {
  if (from_release === null || release === null || from_release === release) return release ?? from_release ?? '';
  return `${from_release} → ${release}`;
}

/** How an operation that has not succeeded ended, for a heading; null where there is nothing to say. */
export function endingOf({ state, from_release, kind }: Operation): string | null {
  switch (state) {
    case 'running':
    case 'succeeded':
      return null;
    case 'failed':
      return 'It did not succeed';
    case 'rolled_back':
      return from_release === null
        ? 'It served, and was taken back'
        : `It served, and was taken back: ${from_release} serves again`;
    case 'cancelled':
      return from_release === null || kind === 'stop' ? 'It was cancelled' : `It was cancelled: ${from_release} serves`;
    case 'stuck':
      return 'It needs your help';
  }
}

/** Whether what the operation brings serves already, so that a cancel takes it back. */
export const isServing = ({ steps }: Pick<Operation, 'steps'>): boolean =>
  steps.some(({ name, state }) => name === 'switch' && state === 'done');

/** What the button that cancels is called now. */
export const cancelWord = (operation: Operation): string => (isServing(operation) ? 'Undo' : 'Cancel');

/** What an operator must be asked before a cancel, because something is lost by it; null: nothing is, so do not ask. */
export function cancelQuestion(operation: Operation): string | null {
  const parts: string[] = [];
  if (isServing(operation) && operation.from_release === null) {
    parts.push('There is no release before this one, so visitors get an error afterwards.');
  }
  const ran = (['pre_switch', 'post_switch'] as const).filter((name) => hasRun(operation, name));
  if (ran.length > 0) {
    const which = ran.map((name) => name.replace('_', '-')).join(' and ');
    parts.push(`The ${which} command has run already; what it changed, such as a migrated database, stays changed.`);
  }
  if (parts.length === 0) return null;
  const serves =
    isServing(operation) && operation.from_release !== null ? [`${operation.from_release} serves again at once.`] : [];
  return [...serves, ...parts].join(' ');
}

function hasRun({ steps }: Operation, name: StepName): boolean {
  return steps.some((step) => step.name === name && step.state !== 'pending' && step.state !== 'skipped');
}

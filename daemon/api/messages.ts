import type { Operation, OperationKind } from '../contract/domain.ts';
import { type RouteName, type RouteResult, routes } from '../contract/routes.ts';
import { failureSentence, isTerminal } from '../contract/rules.ts';

const VERBS: Record<OperationKind, { running: string; done: string; noun: string }> = {
  deploy: { running: 'Deploying', done: 'is deployed', noun: 'deployment' },
  swap: { running: 'Swapping', done: 'is swapped', noun: 'swap' },
  rollback: { running: 'Rolling back', done: 'is rolled back', noun: 'rollback' },
  start: { running: 'Starting', done: 'is started', noun: 'start' },
  stop: { running: 'Stopping', done: 'is stopped', noun: 'stop' },
  restart: { running: 'Restarting', done: 'is restarted', noun: 'restart' },
  scale: { running: 'Scaling', done: 'is scaled', noun: 'scaling' },
  maintenance: { running: 'Setting the maintenance page of', done: 'has its maintenance page set', noun: 'maintenance page' },
  configure: { running: 'Configuring the route of', done: 'has its route configured', noun: 'configuration' },
  remove: { running: 'Removing', done: 'is removed', noun: 'removal' },
};

/** The sentence that an operation's answer carries. */
export function operationMessage(operation: Operation): string {
  const { app_name, kind, state, id, release, from_release } = operation;
  const verb = VERBS[kind];
  switch (state) {
    case 'running':
      return `${verb.running} ${app_name} (${id}).`;
    case 'succeeded':
      return `${app_name} ${verb.done}${release === null ? '' : ` (${release})`}.`;
    case 'cancelled':
      return `The ${verb.noun} of ${app_name} was cancelled.`;
    case 'rolled_back':
      return (
        (operation.error && failureSentence(operation.error)) ??
        `${app_name} went back${from_release === null ? '' : ` to ${from_release}`} after its ${verb.noun}.`
      );
    case 'failed':
    case 'stuck':
      return (
        (operation.error && failureSentence(operation.error)) ??
        `The ${verb.noun} of ${app_name} ${state === 'stuck' ? 'is stuck' : 'failed'}.`
      );
    default:
      return state satisfies never;
  }
}

type Messages = { [N in RouteName]?: (payload: RouteResult<N>) => string };

const CHANGE_MESSAGES: Messages = {
  cancelOperation: (operation) =>
    isTerminal(operation)
      ? operationMessage(operation)
      : `The ${VERBS[operation.kind].noun} of ${operation.app_name} is being undone (${operation.id}).`,
  keepRelease: ({ app_name, release, id }) => `${app_name} keeps ${release ?? 'its release'}; the watch window of ${id} ends.`,
  configureRoute: ({ domain, app_name, is_served, detail }) => {
    const told = `The route of ${domain || app_name} is ${is_served ? 'served as asked' : 'configured'}.`;
    return detail === '' ? told : `${told} ${detail}`;
  },
  removeRoute: ({ domain }) => `The route of ${domain} is removed.`,
  createToken: ({ name }) => `The token ${name} is made. Keep its text now: it is not told again.`,
  revokeToken: ({ name }) => `The token ${name} is revoked; what its bearer had open is closed.`,
  renewCertificate: ({ domain, served }) =>
    `A new certificate of ${domain} is served${served === null ? '' : `; it expires at ${served.not_after}`}.`,
  importCertificate: ({ domain, detail }) => `The certificate of ${domain} is imported. ${detail}`,
  removeCertificate: ({ domain }) => `The imported certificate of ${domain} is removed.`,
  createBackup: () => 'The backup is being sent.',
  restoreBackup: ({ applied, backup }) =>
    applied
      ? `The backup of ${backup.hostname} takes the place of this state now; the daemon starts anew with it.`
      : `This is what the backup of ${backup.hostname} would change; nothing was changed.`,
  loadImages: ({ images }) => `Loaded ${images.flatMap((image) => image.references[0] ?? image.id).join(', ') || 'no image'}.`,
};

/** The sentence that a change's answer carries. */
export function changeMessage(name: RouteName, payload: unknown): string {
  // Keyed by the route whose payload it is.
  const message = CHANGE_MESSAGES[name] as ((payload: unknown) => string) | undefined;
  return message?.(payload) ?? `Done: ${routes[name].summary}`;
}

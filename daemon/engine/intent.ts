import type { AppStatus, Release } from '../contract/domain.ts';
import { DomainError, type FieldError } from '../contract/errors.ts';
import { can, previousRelease, type Verdict } from '../contract/rules.ts';
import type { SecretPin } from '../contract/secrets.ts';
import type { Intent } from './engine.ts';
import type { Wish } from './plan.ts';
import type { Journal, ObservedContainer } from './ports.ts';
import type { AppRecord, OperationRecord } from './state.ts';
import { toAppStatus } from './view.ts';

interface Present {
  app: AppRecord | null;
  containers: readonly ObservedContainer[];
  operation: OperationRecord | null;
  journal: Pick<Journal, 'listCurrentReleases' | 'getRelease'>;
  /** The secrets as they are now. */
  pinSecrets(project: string | null): SecretPin[];
}

/**
 * Checks what is asked against the contract's rules (`can`) and looks up the releases it speaks of. Throws `not_found` or `conflict`
 * with what to do.
 */
export function resolveWish(name: string, intent: Intent, { app, containers, operation, journal, pinSecrets }: Present): Wish {
  if (operation) {
    const { kind, id, steps } = operation;
    const isWatching = steps.some(({ step, state }) => step.name === 'watch' && state === 'running');
    const remedy = isWatching ? `keep its release (\`nextdeploy keep ${id}\`) to end its watch window` : 'wait for its end';
    const message = `The app ${name} is busy with ${kind} ${id}; ${remedy}.`;
    throw new DomainError('conflict', message, { operation_id: operation.id });
  }
  if (intent.kind === 'deploy') {
    const { kind, image, pull, configuration, nextcore, credentials } = intent;
    const { replicas } = configuration;
    const secrets = pinSecrets(configuration.project ?? null);
    const has_credentials = credentials !== null;
    return { kind, image, pinned_image_id: null, pull, has_credentials, configuration, secrets, nextcore, replicas };
  }
  if (!app) throw new DomainError('not_found', `There is no app ${name}; deploy it first.`);
  const releases = journal.listCurrentReleases(name, app.release);
  const health = { healthy: null, checked_at: null, detail: '' };
  const status = toAppStatus({ app, releases, containers, health, operation });
  const live = () => releaseOf(journal, app, app.release);

  switch (intent.kind) {
    case 'swap': {
      demand(name, can.swap(status));
      const { kind, image, pull, nextcore, credentials } = intent;
      const { configuration } = live();
      const secrets = pinSecrets(configuration.project ?? null);
      const more = { has_credentials: credentials !== null, configuration, secrets, nextcore, replicas: app.replicas };
      return { kind, image, pinned_image_id: null, pull, ...more };
    }
    case 'roll': {
      demand(name, can.swap(status));
      const { image, image_id: pinned_image_id, configuration, nextcore } = live();
      const again = { image, pinned_image_id, pull: 'missing', has_credentials: false } as const;
      const secrets = pinSecrets(configuration.project ?? null);
      return { kind: 'restart', ...again, configuration, secrets, nextcore, replicas: app.replicas };
    }
    case 'rollback': {
      const release = rollbackTarget(name, intent.release, status, releases, journal);
      if (!intent.code_only) return { kind: 'rollback', release };
      const { image, image_id: pinned_image_id, nextcore } = release;
      const { configuration, secrets } = live();
      const again = { image, pinned_image_id, pull: 'missing', has_credentials: false } as const;
      return { kind: 'rollback', ...again, configuration, secrets, nextcore, replicas: app.replicas };
    }
    case 'scale':
      demand(name, can.scale(status));
      if (intent.replicas === app.replicas) {
        throw new DomainError('conflict', `The app ${name} is scaled to ${app.replicas} already.`);
      }
      return intent;
    case 'maintenance':
      // An app in maintenance may have lost its domain since.
      if (intent.to !== null || app.maintenance === null) demand(name, can.maintenance(status));
      return intent;
    case 'configure':
      // What is configured may be taken back where it outlived the domain.
      if (app.routing == null || app.release === null) demand(name, can.configure(status));
      return intent;
    case 'start':
      demand(name, can.start(status));
      return { kind: 'start', release: live() };
    case 'restart':
      demand(name, can.restart(status));
      return { kind: 'restart', release: live() };
    case 'stop':
      demand(name, can.stop(status));
      return { kind: 'stop' };
    case 'remove':
      return { kind: 'remove' };
  }
}

function rollbackTarget(
  name: string,
  wanted: string | undefined,
  status: AppStatus,
  releases: readonly Release[],
  journal: Present['journal'],
): Release {
  if (wanted === undefined) {
    demand(name, can.rollback(status));
    const previous = previousRelease(releases, status.release);
    if (!previous) throw new DomainError('conflict', `The app ${name} has no earlier release.`);
    return previous;
  }
  const release = journal.getRelease(name, wanted);
  if (!release) {
    const details: FieldError[] = [{ field: 'release', message: 'unknown release' }];
    throw new DomainError('not_found', `The app ${name} has no release ${wanted}.`, { details });
  }
  demand(name, can.rollbackTo(status, release));
  return release;
}

function releaseOf(journal: Present['journal'], app: AppRecord, id: string | null): Release {
  const release = id === null ? null : journal.getRelease(app.name, id);
  if (!release) throw new DomainError('conflict', `Nothing has been deployed as ${app.name} yet; deploy it first.`);
  return release;
}

function demand(name: string, verdict: Verdict): void {
  if (!verdict.allowed) throw new DomainError('conflict', `Not possible for ${name}: ${verdict.reason}.`);
}

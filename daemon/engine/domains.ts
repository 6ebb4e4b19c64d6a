/** A domain belongs to one app. Pure, but for looking into the journal. */
import { DomainError } from '../contract/errors.ts';
import type { Journal } from './ports.ts';
import { namesOf } from './routing.ts';
import type { OperationRecord } from './state.ts';

/** Who has this domain among the other apps. */
export function domainOwner(journal: Pick<Journal, 'listApps'>, domain: string, except: string): string | undefined {
  return journal.listApps().find((app) => app.name !== except && namesOf(app.route).includes(domain))?.name;
}

/** Throws `conflict`: the routes of operations in flight are not in the apps yet, and of two for one domain the later has to wait. */
export function demandFreeDomains(operation: OperationRecord, running: readonly OperationRecord[]): void {
  const wanted = new Set(domainsOf(operation));
  for (const other of running) {
    if (other.app_name === operation.app_name) continue;
    const domain = domainsOf(other).find((name) => wanted.has(name));
    if (domain === undefined) continue;
    const message = `The domain ${domain} is being set up for the app ${other.app_name} by ${other.id}; choose another, or wait for its end.`;
    throw new DomainError('conflict', message, { operation_id: other.id });
  }
}

function domainsOf({ steps }: OperationRecord): string[] {
  return steps.flatMap(({ step }) => (step.name === 'validate' ? step.domains : []));
}

/** A domain belongs to one app. Pure, but for looking into the journal. */
import { DomainError, type FieldError } from '../contract/errors.ts';
import type { Journal } from './ports.ts';
import { namesOf } from './routing.ts';
import type { OperationRecord, RouteModel } from './state.ts';
import type { StepOf } from './steps.ts';

/** Who has this domain among the other apps. */
export function domainOwner(journal: Pick<Journal, 'listApps'>, domain: string, except: string): string | undefined {
  return journal.listApps().find((app) => app.name !== except && namesOf(app.route).includes(domain))?.name;
}

/** What of the request names a domain. */
export function fieldOf(name: string, route: RouteModel | null): string {
  const site = route?.sites.findIndex(({ domain }) => domain === name) ?? -1;
  if (site >= 0) return site === 0 ? 'domain' : `aliases.${site - 1}`;
  return `redirects.${route?.redirects.findIndex(({ from }) => from === name) ?? 0}.from`;
}

/**
 * Throws `conflict` with the field: the routes of operations in flight are not in the apps yet, and of two for one domain the later has to
 * wait.
 */
export function demandFreeDomains(operation: OperationRecord, running: readonly OperationRecord[]): void {
  const wanted = validationOf(operation);
  if (!wanted) return;
  for (const other of running) {
    if (other.app_name === operation.app_name) continue;
    const domain = validationOf(other)?.domains.find((name) => wanted.domains.includes(name));
    if (domain === undefined) continue;
    const message = `The domain ${domain} is being set up for the app ${other.app_name} by ${other.id}; choose another, or wait for its end.`;
    const details: FieldError[] = [{ field: fieldOf(domain, wanted.route), message: 'another operation is setting it up' }];
    throw new DomainError('conflict', message, { operation_id: other.id, details });
  }
}

function validationOf({ steps }: OperationRecord): StepOf<'validate'> | undefined {
  return steps.map(({ step }) => step).find((step) => step.name === 'validate');
}

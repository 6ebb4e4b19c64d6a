/** A domain belongs to one app. Pure, but for looking into the journal. */
import { DomainError } from '../contract/errors.ts';
import type { Journal } from './ports.ts';
import type { OperationRecord } from './state.ts';

/** Who has this domain among the other apps. */
export function domainOwner(journal: Pick<Journal, 'listApps'>, domain: string, except: string): string | undefined {
  const has = (sites: { domain: string }[] | undefined) => sites?.some((site) => site.domain === domain) === true;
  return journal.listApps().find((app) => app.name !== except && has(app.route?.sites))?.name;
}

/** Throws `conflict`: the routes of operations in flight are not in the apps yet, and of two for one domain the later has to wait. */
export function demandFreeDomain(operation: OperationRecord, running: readonly OperationRecord[]): void {
  const domainOf = ({ steps }: OperationRecord) => {
    const validate = steps.find(({ step }) => step.name === 'validate')?.step;
    return validate?.name === 'validate' ? validate.domain : null;
  };
  const domain = domainOf(operation);
  const other = running.find((candidate) => candidate.app_name !== operation.app_name && domainOf(candidate) === domain);
  if (domain === null || !other) return;
  const message = `The domain ${domain} is being set up for the app ${other.app_name} by ${other.id}; choose another, or wait for its end.`;
  throw new DomainError('conflict', message, { operation_id: other.id });
}

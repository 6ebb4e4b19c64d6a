/** A domain belongs to one app. Pure, but for looking into the journal. */
import { DomainError, type FieldError } from '../contract/errors.ts';
import type { Journal } from './ports.ts';
import { namesOf, portRouteOf } from './routing.ts';
import { type OperationRecord, type PortRouteRecord, portRouteKey, type RouteModel } from './state.ts';
import type { StepOf } from './steps.ts';

/** Whose a name is, and what can be done about it; as in a sentence. */
export interface Owner {
  named: string;
  remedy: string;
}

/** Who has this domain already; `except`: the app, or the key of the route to a port, that wants it. */
export function domainOwner(
  journal: Pick<Journal, 'listApps' | 'listPortRoutes'>,
  domain: string,
  except: string,
): Owner | undefined {
  const app = journal.listApps().find(({ name, route }) => name !== except && namesOf(route).includes(domain));
  if (app) return { named: `the app ${app.name}`, remedy: 'choose another, or purge that app' };
  const route = journal.listPortRoutes().find((one) => portRouteKey(one.domain) !== except && portNamesOf(one).includes(domain));
  if (!route) return undefined;
  const port = (route.wanted ?? route.previous)?.port;
  return { named: `the route ${route.domain} to port ${port}`, remedy: 'choose another, or remove that route' };
}

/** Both those that it has and those that it is to have. */
function portNamesOf({ wanted, previous }: PortRouteRecord): string[] {
  return [wanted, previous].flatMap((route) => (route === null ? [] : namesOf(portRouteOf(route, { slots_directory: '' }))));
}

type Fields = StepOf<'validate'>['fields'];

/** What of the request names a domain. */
export function fieldOf(name: string, route: RouteModel | null, fields: Fields = undefined): string {
  const field = fields?.names[name];
  if (field !== undefined) return field;
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
  const field = (domain: string) => fieldOf(domain, wanted.route, wanted.fields);
  demandNotBeingSetUp(operation.app_name, wanted.domains, running, field);
}

/** As {@link demandFreeDomains}, for whoever wants these names. */
export function demandNotBeingSetUp(
  wanted_by: string,
  wanted: readonly string[],
  running: readonly OperationRecord[],
  field: (domain: string) => string,
): void {
  for (const other of running) {
    if (other.app_name === wanted_by) continue;
    const domain = validationOf(other)?.domains.find((name) => wanted.includes(name));
    if (domain === undefined) continue;
    const message = `The domain ${domain} is being set up for the app ${other.app_name} by ${other.id}; choose another, or wait for its end.`;
    const details: FieldError[] = [{ field: field(domain), message: 'another operation is setting it up' }];
    throw new DomainError('conflict', message, { operation_id: other.id, details });
  }
}

function validationOf({ steps }: OperationRecord): StepOf<'validate'> | undefined {
  return steps.map(({ step }) => step).find((step) => step.name === 'validate');
}

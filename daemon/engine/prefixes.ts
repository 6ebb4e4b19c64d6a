/** What prefixes of sites demand of the apps that they lead to. Pure, but for looking into the journal. */
import { DomainError, type FieldError } from '../contract/errors.ts';
import type { Journal } from './ports.ts';
import type { OperationRecord, SiteSettings } from './state.ts';

/**
 * Throws with the field when a prefix leads to an app that there is not, of which nothing is deployed, or that is just being removed. `app_name`:
 * the app whose site it is; null: of none.
 */
export function demandPrefixApps(
  app_name: string | null,
  { prefixes }: Pick<SiteSettings, 'prefixes'>,
  journal: Pick<Journal, 'getApp' | 'listOperations'>,
): void {
  for (const [index, prefix] of prefixes.entries()) {
    if (!('app_name' in prefix)) continue;
    const { app_name: target } = prefix;
    const complain = (code: 'not_found' | 'conflict' | 'invalid_request', why: string) => {
      const details: FieldError[] = [{ field: `prefixes.${index}.app_name`, message: why }];
      throw new DomainError(code, `The prefix ${prefix.path} cannot lead to ${target}: ${why}.`, { details });
    };
    const app = journal.getApp(target);
    if (target === app_name) complain('invalid_request', 'the site is its own already');
    if (app === null) complain('not_found', 'there is no such app');
    if (app?.release === null) complain('conflict', 'nothing has been deployed as it yet');
    const [operation] = journal.listOperations({ app_name: target, state: 'running', limit: 1 });
    if (operation?.kind === 'remove') complain('conflict', 'it is being removed');
  }
}

/** Throws `conflict` when a prefix of another site leads to the app. */
export function demandUnneeded(
  app_name: string,
  running: readonly OperationRecord[],
  journal: Pick<Journal, 'listApps' | 'listPortRoutes'>,
): void {
  const ofApps = journal.listApps().map(({ name, routing }) => ({ name, settings: routing ?? null }));
  // What is being configured is in no app yet.
  const coming = running.flatMap(({ app_name: name, steps }) =>
    steps.map(({ step }) => ({ name, settings: step.name === 'route' ? (step.settings?.to ?? null) : null })),
  );
  const ofPorts = journal
    .listPortRoutes()
    .flatMap(({ domain, wanted, previous }) =>
      [wanted, previous].map((route) => ({ name: domain, settings: route?.settings ?? null })),
    );
  for (const { name, settings } of [...ofApps, ...coming, ...ofPorts]) {
    const prefix = settings?.prefixes.find((one) => 'app_name' in one && one.app_name === app_name);
    if (!prefix || name === app_name) continue;
    const message = `The route of ${name} leads ${prefix.path} to ${app_name}; take that prefix out of it first.`;
    throw new DomainError('conflict', message);
  }
}

/** The audit log: who asked for which change, and with what result. */
import { type Command, Option } from 'commander';
import type { DaemonClient } from '../api/client.ts';
import { type AuditEntry, type AuditResult, auditResultSchema } from '../contract/access.ts';
import { DomainError } from '../contract/errors.ts';
import { DEFAULTS, LIMITS } from '../contract/limits.ts';
import type { RouteQueryInput } from '../contract/routes.ts';
import { auditCsv, auditCsvHead, auditTable } from './access-views.ts';
import type { Act } from './context.ts';
import { time, whole } from './flag-values.ts';
import { print, tableColumns } from './terminal.ts';

interface AuditFlags {
  actor?: string;
  app?: string;
  action?: string;
  result?: AuditResult;
  since?: string;
  until?: string;
  limit?: string;
  csv?: boolean;
}

export function addAudit(program: Command, act: Act): void {
  program
    .command('audit')
    .description('list the changes that were asked for, newest first: who, what, when, and with what result')
    .option('--actor <who>', 'by this one only: admin, token:NAME, or anonymous')
    .option('--app <app>', 'of this app only')
    .option('--action <name>', 'this one only, such as deploy or createToken')
    .addOption(
      new Option('--result <result>', 'those that were done, or those that were refused').choices(auditResultSchema.options),
    )
    .option('--since <time>', 'of the last 10m, 2h, 7d …, or after a time such as 2027-01-02T03:04:05Z')
    .option('--until <time>', 'before that')
    .option('--limit <count>', `at most so many; default: ${DEFAULTS.audit_page}, or all with --csv or --json`)
    .option('--csv', 'print all as CSV, with a head line')
    .addHelpText('after', HELP)
    .action((flags: AuditFlags, command: Command) =>
      act(command, async ({ client, json, terminal }) => {
        if (flags.csv === true && json) throw new DomainError('invalid_request', 'Use --csv or --json, not both.');
        const isExport = flags.csv === true || json;
        const entries = listAudit(client, flags, isExport ? Number.POSITIVE_INFINITY : DEFAULTS.audit_page);
        if (isExport) {
          if (!json) await print(terminal, auditCsvHead);
          for await (const entry of entries) await print(terminal, json ? JSON.stringify(entry) : auditCsv(entry));
          return;
        }
        const listed: AuditEntry[] = [];
        for await (const entry of entries) listed.push(entry);
        await print(terminal, auditTable(listed, tableColumns(terminal)));
      }),
    );
}

/** Newest first, page by page. */
async function* listAudit(client: DaemonClient, flags: AuditFlags, limit_default: number): AsyncGenerator<AuditEntry> {
  const now_ms = Date.now();
  const at = (flag: string, text: string | undefined) => (text === undefined ? undefined : time(flag, text, now_ms, 'ago'));
  const { actor, app: app_name, action, result } = flags;
  const [since, until] = [at('--since', flags.since), at('--until', flags.until)];
  let left = flags.limit === undefined ? limit_default : whole('--limit', flags.limit);
  for (let before: number | undefined; left > 0; ) {
    const limit = Math.min(left, LIMITS.audit_page_max);
    const query: RouteQueryInput<'listAudit'> = { actor, app_name, action, result, since, until, before, limit };
    const page = await client.call('listAudit', { query });
    yield* page;
    if (page.length < limit) return;
    left -= page.length;
    before = page.at(-1)?.seq;
  }
}

const HELP = `
Examples:
  nextdeploy audit --app shop --since 7d
  nextdeploy audit --result refused
  nextdeploy audit --csv > audit.csv

An operation is listed when it begins; its outcome is told by \`nextdeploy operation ID\`.`;

import { ExternalLink } from 'lucide-react';
import { useMemo } from 'react';
import { Link, useLocation } from 'wouter';
import type { AppStatus, Operation } from '../../daemon/contract/domain.ts';
import type { Host } from '../../preload/contract.ts';
import { appPath } from '../paths.ts';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { appMeaning, healthMeaning, Mark, SlotMark } from '../ui/mark.tsx';
import { Ago, ImageName } from '../ui/text.tsx';
import { isShortOfReplicas, replicasText } from './app-facts.tsx';

const BY_NAME = [{ id: 'app', desc: false }];

interface AppsTableProps {
  host: Host;
  apps: readonly AppStatus[];
  /** By id; those in flight tell more of an app than its status. */
  operations: Readonly<Record<string, Operation>>;
}

/** The apps of one host, a line each. */
export function AppsTable({ host, apps, operations }: AppsTableProps) {
  const [, navigate] = useLocation();
  const columns = useMemo(() => appColumns(host.id, operations), [host.id, operations]);
  return (
    <DataTable
      kind="apps"
      label={`Apps on ${host.name}`}
      columns={columns}
      rows={apps}
      rowId={(app) => app.name}
      sortedBy={BY_NAME}
      onRowClick={(app) => navigate(appPath(host.id, app.name))}
      empty="The apps appear as soon as the daemon answers."
    />
  );
}

function appColumns(host: string, operations: AppsTableProps['operations']): Column<AppStatus>[] {
  return [
    {
      id: 'app',
      header: 'App',
      accessorFn: (app) => app.name,
      cell: ({ row }) => (
        <Link className="nd-link nd-strong nd-ellipsis" title={row.original.name} href={appPath(host, row.original.name)}>
          {row.original.name}
        </Link>
      ),
    },
    {
      id: 'state',
      header: 'State',
      accessorFn: (app) => app.status,
      cell: ({ row }) => (
        <Mark
          meaning={appMeaning(row.original, operations[row.original.operation_id ?? ''])}
          testId="app-status"
          title={row.original.last_error ?? row.original.maintenance?.message}
        />
      ),
    },
    {
      id: 'health',
      header: 'Health',
      accessorFn: (app) => String(app.health.healthy),
      cell: ({ row }) => <Mark meaning={healthMeaning(row.original)} title={row.original.health.detail} />,
    },
    {
      id: 'replicas',
      header: 'Replicas',
      accessorFn: (app) => app.replicas,
      cell: ({ row }) => (
        <span className="nd-number" data-short={isShortOfReplicas(row.original)}>
          {replicasText(row.original)}
        </span>
      ),
    },
    { id: 'domain', header: 'Domain', accessorFn: (app) => app.domain ?? '', cell: ({ row }) => <Domain app={row.original} /> },
    {
      id: 'image',
      header: 'Image',
      accessorFn: (app) => app.version,
      cell: ({ row }) => <ImageName reference={row.original.version} />,
    },
    {
      id: 'release',
      header: 'Release',
      accessorFn: (app) => app.release ?? '',
      sortFn: 'alphanumeric',
      cell: ({ row }) => <span className="nd-number">{row.original.release ?? '–'}</span>,
    },
    { id: 'slot', header: 'Slot', accessorFn: (app) => app.slot ?? '', cell: ({ row }) => <SlotMark slot={row.original.slot} /> },
    {
      id: 'changed',
      header: 'Changed',
      accessorFn: (app) => app.updated_at,
      cell: ({ row }) => <Ago ts={row.original.updated_at} />,
    },
  ];
}

function Domain({ app }: { app: AppStatus }) {
  if (app.domain === null) return <span className="nd-dim">none</span>;
  if (app.url === null || app.release === null) return <>{app.domain}</>;
  return (
    <a className="nd-link nd-ellipsis" href={app.url} target="_blank" rel="noopener noreferrer" title={app.url}>
      {app.domain}
      <ExternalLink size={11} aria-hidden />
    </a>
  );
}

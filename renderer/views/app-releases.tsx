import { useMemo, useState } from 'react';
import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import { can } from '../../daemon/contract/rules.ts';
import type { Host } from '../../preload/contract.ts';
import { RollbackDialog } from '../dialogs/rollback-dialog.tsx';
import { sentence, shortId } from '../format.ts';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { GatedButton } from '../ui/gated-button.tsx';
import { Mark, releaseMeaning } from '../ui/mark.tsx';
import { Ago, ImageName, Panel } from '../ui/text.tsx';
import { GitText } from './nextcore-card.tsx';
import { ReleaseDrawer } from './release-drawer.tsx';

interface AppReleasesProps {
  host: Host;
  app: AppStatus;
  releases: readonly Release[];
  /** Resolves with whether it has begun. */
  onRollback(release: string, codeOnly: boolean): Promise<boolean>;
}

/** The history of an app: each release can be looked into and compared, and those that are kept can be brought back. */
export function AppReleases({ host, app, releases, onRollback }: AppReleasesProps) {
  const [shownId, setShownId] = useState<string | null>(null);
  const [targetId, setTargetId] = useState<string | null>(null);
  const hasBuilds = releases.some((release) => release.nextcore !== null);
  const columns = useMemo(() => {
    const all = releaseColumns(app, setShownId, setTargetId);
    return hasBuilds ? all : all.filter(({ id }) => id !== 'build');
  }, [app, hasBuilds]);
  const find = (id: string | null) => releases.find((release) => release.id === id);
  const target = find(targetId);
  return (
    <Panel title="Releases" flush>
      <DataTable
        kind="releases"
        label="Releases"
        columns={columns}
        rows={releases}
        rowId={(release) => release.id}
        onRowClick={(release) => setShownId(release.id)}
        empty="No release yet. The first deploy makes one."
      />
      <ReleaseDrawer
        app={app}
        releases={releases}
        release={find(shownId)}
        onClose={() => setShownId(null)}
        onRollback={(release) => {
          setShownId(null);
          setTargetId(release);
        }}
      />
      {target === undefined ? null : (
        <RollbackDialog
          opened
          onClose={() => setTargetId(null)}
          app={app}
          isProduction={host.production}
          live={find(app.release)}
          target={target}
          onRollback={(codeOnly) => onRollback(target.id, codeOnly)}
        />
      )}
    </Panel>
  );
}

function releaseColumns(app: AppStatus, onShow: (id: string) => void, onRollback: (id: string) => void): Column<Release>[] {
  return [
    {
      id: 'release',
      header: 'Release',
      accessorFn: (release) => release.id,
      sortFn: 'alphanumeric',
      cell: ({ row }) => (
        <button type="button" className="nd-link nd-strong nd-number" onClick={() => onShow(row.original.id)}>
          {row.original.id}
        </button>
      ),
    },
    {
      id: 'state',
      header: 'State',
      accessorFn: (release) => release.state,
      cell: ({ row }) => <Mark meaning={releaseMeaning(row.original, app)} />,
    },
    {
      id: 'image',
      header: 'Image',
      accessorFn: (release) => release.image,
      cell: ({ row }) => (
        <span title={`${row.original.image}\n${shortId(row.original.image_id)}`}>
          <ImageName reference={row.original.image} />
        </span>
      ),
    },
    {
      id: 'build',
      header: 'Build',
      enableSorting: false,
      cell: ({ row: { original } }) => <Build release={original} />,
    },
    {
      id: 'made',
      header: 'Made',
      accessorFn: (release) => release.created_at,
      cell: ({ row }) => <Ago ts={row.original.created_at} />,
    },
    { id: 'by', header: 'By', accessorFn: (release) => release.created_by },
    {
      id: 'end',
      header: 'Why it ended',
      enableSorting: false,
      cell: ({ row }) => <span title={row.original.end_reason ?? undefined}>{sentence(row.original.end_reason ?? '')}</span>,
    },
    {
      id: 'actions',
      header: '',
      enableSorting: false,
      cell: ({ row }) => (
        <GatedButton
          size="compact-xs"
          verdict={can.rollbackTo(app, row.original)}
          aria-label={`Roll back to ${row.original.id}`}
          onClick={() => onRollback(row.original.id)}
        >
          Roll back…
        </GatedButton>
      ),
    },
  ];
}

function Build({ release: { nextcore } }: { release: Release }) {
  if (nextcore === null) return <span className="nd-dim">–</span>;
  return (
    <span className="nd-build">
      <span className="nd-number" title={`Next.js ${nextcore.next_version}`}>
        {nextcore.next_version}
      </span>
      {nextcore.git === undefined ? null : <GitText git={nextcore.git} />}
    </span>
  );
}

import { useMemo } from 'react';
import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import { can } from '../../daemon/contract/rules.ts';
import type { Host } from '../../preload/contract.ts';
import { sentence, shortId } from '../format.ts';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { GatedButton } from '../ui/gated-button.tsx';
import { Mark, releaseMeaning } from '../ui/mark.tsx';
import { Ago, ImageName, Panel } from '../ui/text.tsx';

interface AppReleasesProps {
  host: Host;
  app: AppStatus;
  releases: readonly Release[];
  onRollback(release: string): void;
}

/** The history of an app; every release that has served can be brought back from here. */
export function AppReleases({ app, releases, onRollback }: AppReleasesProps) {
  const columns = useMemo(() => releaseColumns(app, onRollback), [app, onRollback]);
  return (
    <Panel title="Releases" flush>
      <DataTable
        kind="releases"
        label="Releases"
        columns={columns}
        rows={releases}
        rowId={(release) => release.id}
        empty="No release yet. The first deploy makes one."
      />
    </Panel>
  );
}

function releaseColumns(app: AppStatus, onRollback: (release: string) => void): Column<Release>[] {
  return [
    {
      id: 'release',
      header: 'Release',
      accessorFn: (release) => release.id,
      sortFn: 'alphanumeric',
      cell: ({ row }) => <strong className="nd-number">{row.original.id}</strong>,
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
        <span title={row.original.image_id}>
          <ImageName reference={row.original.image} /> <span className="nd-mono nd-dim">{shortId(row.original.image_id)}</span>
        </span>
      ),
    },
    {
      id: 'made',
      header: 'Made',
      accessorFn: (release) => release.created_at,
      cell: ({ row }) => <Ago ts={row.original.created_at} />,
    },
    { id: 'by', header: 'By', accessorFn: (release) => release.created_by },
    { id: 'end', header: 'Why it ended', enableSorting: false, accessorFn: (release) => sentence(release.end_reason ?? '') },
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
          Roll back
        </GatedButton>
      ),
    },
  ];
}

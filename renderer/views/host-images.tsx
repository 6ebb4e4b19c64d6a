import type { Image } from '../../daemon/contract/domain.ts';
import { formatBytes, shortId } from '../format.ts';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Ago, Panel } from '../ui/text.tsx';

const NEWEST_FIRST = [{ id: 'made', desc: true }];

const COLUMNS: Column<Image>[] = [
  {
    id: 'references',
    header: 'Image',
    accessorFn: (image) => image.references.join(' '),
    cell: ({ row }) =>
      row.original.references.length === 0 ? (
        <span className="nd-dim">no name</span>
      ) : (
        row.original.references.map((reference) => (
          <div key={reference} className="nd-mono">
            {reference}
          </div>
        ))
      ),
  },
  {
    id: 'id',
    header: 'Id',
    accessorFn: (image) => image.id,
    cell: ({ row }) => (
      <span className="nd-mono nd-dim" title={row.original.id}>
        {shortId(row.original.id)}
      </span>
    ),
  },
  {
    id: 'size',
    header: 'Size',
    accessorFn: (image) => image.size_bytes,
    cell: ({ row }) => <span className="nd-number">{formatBytes(row.original.size_bytes)}</span>,
  },
  {
    id: 'made',
    header: 'Built',
    accessorFn: (image) => image.created_at,
    cell: ({ row }) => <Ago ts={row.original.created_at} />,
  },
];

const NO_IMAGES: readonly Image[] = [];

/** What can be deployed on a host without a registry. */
export function HostImages({ images }: { images: readonly Image[] | null }) {
  return (
    <Panel title="Images on the host" flush>
      <DataTable
        label="Images"
        columns={COLUMNS}
        rows={images ?? NO_IMAGES}
        rowId={(image) => image.id}
        sortedBy={NEWEST_FIRST}
        empty="No image here yet. `nextdeploy images load FILE` on the server brings one, without a registry."
      />
    </Panel>
  );
}

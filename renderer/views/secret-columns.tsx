import { ActionIcon, Tooltip } from '@mantine/core';
import { CloudDownload, PencilLine, Trash2 } from 'lucide-react';
import type { ProviderKind, Secret } from '../../daemon/contract/secrets.ts';
import { PROVIDER_NAME } from '../state/providers.ts';
import type { Column } from '../ui/data-table.tsx';
import { Ago } from '../ui/text.tsx';

/** What can be done with one secret, wherever it is listed. */
export interface SecretControls {
  onShow(secret: Secret): void;
  onSet(secret: Secret): void;
  onRemove(secret: Secret): void;
}

interface Listed {
  name: string;
  /** Null: it is there no more. */
  secret: Secret | null;
}

const FINGERPRINT_CHARACTERS = 10;

/** Of a value only this is ever shown: alike for alike values, on one server. */
export function Fingerprint({ of }: { of: string }) {
  return (
    <span className="nd-mono nd-dim" title={of}>
      {of.slice(0, FINGERPRINT_CHARACTERS)}
    </span>
  );
}

/** Where a secret was pulled from. */
function OriginTag({ origin }: { origin: ProviderKind }) {
  return (
    <span className="nd-origin" title={`Pulled from ${PROVIDER_NAME[origin]}`}>
      <CloudDownload size={11} aria-hidden /> {PROVIDER_NAME[origin]}
    </span>
  );
}

/** The columns of every table of secrets, by what they are; a view puts its own between them. */
export function secretColumns<Row extends Listed>({ onShow, onSet, onRemove }: SecretControls) {
  const dash = <span className="nd-dim">–</span>;
  return {
    name: {
      id: 'name',
      header: 'Name',
      accessorFn: (row) => row.name,
      cell: ({ row: { original } }) => {
        const { secret } = original;
        if (secret === null) return <span className="nd-mono nd-wrap">{original.name}</span>;
        return (
          <span className="nd-secret-name">
            <button type="button" className="nd-link nd-mono nd-wrap" onClick={() => onShow(secret)}>
              {secret.name}
            </button>
            {secret.origin === null ? null : <OriginTag origin={secret.origin} />}
          </span>
        );
      },
    },
    version: {
      id: 'version',
      header: 'Version',
      accessorFn: (row) => row.secret?.version ?? 0,
      cell: ({ row }) => <span className="nd-number">{row.original.secret?.version ?? dash}</span>,
    },
    fingerprint: {
      id: 'fingerprint',
      header: 'Fingerprint',
      enableSorting: false,
      cell: ({ row: { original } }) => (original.secret === null ? dash : <Fingerprint of={original.secret.fingerprint} />),
    },
    when: {
      id: 'set',
      header: 'Set',
      accessorFn: (row) => row.secret?.updated_at ?? '',
      cell: ({ row: { original } }) => (original.secret === null ? dash : <Ago ts={original.secret.updated_at} />),
    },
    by: {
      id: 'by',
      header: 'By',
      accessorFn: (row) => row.secret?.updated_by ?? '',
      cell: ({ row }) => <span title={row.original.secret?.updated_by}>{row.original.secret?.updated_by ?? ''}</span>,
    },
    actions: {
      id: 'actions',
      header: '',
      enableSorting: false,
      cell: ({ row: { original } }) => {
        const { secret } = original;
        if (secret === null) return null;
        return (
          <span className="nd-row-actions">
            <Tooltip label="Set anew">
              <ActionIcon size={22} aria-label={`Set ${secret.name} anew`} onClick={() => onSet(secret)}>
                <PencilLine size={13} />
              </ActionIcon>
            </Tooltip>
            <Tooltip label="Remove">
              <ActionIcon size={22} aria-label={`Remove ${secret.name}`} onClick={() => onRemove(secret)}>
                <Trash2 size={13} />
              </ActionIcon>
            </Tooltip>
          </span>
        );
      },
    },
  } satisfies Record<string, Column<Row>>;
}

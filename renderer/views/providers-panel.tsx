import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { CircleCheck, CloudAlert, CloudDownload, PencilLine, Trash2 } from 'lucide-react';
import { useMemo } from 'react';
import type { SecretProvider } from '../../daemon/contract/secret-providers.ts';
import { formatDateTime } from '../format.ts';
import { credentialsText, PROVIDER_NAME, providerPlace } from '../state/providers.ts';
import { ownerOfSecret, ownerTitle } from '../state/secrets.ts';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Mark, type Meaning } from '../ui/mark.tsx';
import { Prose } from '../ui/prose.tsx';
import { Ago, Panel } from '../ui/text.tsx';

/** What can be done with one provider, wherever it is listed. */
export interface ProviderControls {
  onPull(provider: SecretProvider): void;
  onReplace(provider: SecretProvider): void;
  onRemove(provider: SecretProvider): void;
}

interface ProvidersPanelProps {
  title: string;
  providers: readonly SecretProvider[];
  controls: ProviderControls;
}

/** Where secrets are pulled from, scope by scope, and how the last pull went. */
export function ProvidersPanel({ title, providers, controls }: ProvidersPanelProps) {
  const columns = useMemo(() => providerColumns(controls), [controls]);
  return (
    <Panel title={title} flush aside={<span className="nd-dim">asked at every deploy; credentials are never shown</span>}>
      <DataTable
        kind="providers"
        label="Providers of secrets"
        columns={columns}
        rows={providers}
        rowId={(provider) => `provider ${ownerTitle(ownerOfSecret(provider))}`}
        empty=""
      />
    </Panel>
  );
}

const NEVER: Meaning = { tone: 'idle', icon: CloudDownload, word: 'Never pulled' };
const PULLED: Meaning = { tone: 'ok', icon: CircleCheck, word: 'Pulled' };
const FAILED: Meaning = { tone: 'bad', icon: CloudAlert, word: 'Failed' };

function providerColumns({ onPull, onReplace, onRemove }: ProviderControls): Column<SecretProvider>[] {
  const title = (provider: SecretProvider) => ownerTitle(ownerOfSecret(provider));
  return [
    {
      id: 'owner',
      header: 'For',
      accessorFn: title,
      cell: ({ row: { original } }) => <span className="nd-strong nd-wrap">{title(original)}</span>,
    },
    {
      id: 'place',
      header: 'Provider',
      accessorFn: ({ provider }) => `${PROVIDER_NAME[provider.kind]} ${providerPlace(provider)}`,
      cell: ({ row: { original } }) => (
        <span className="nd-provider" title={`By ${credentialsText(original.provider)}`}>
          <span className="nd-nowrap">{PROVIDER_NAME[original.provider.kind]}</span>
          <span className="nd-mono nd-dim nd-wrap">{providerPlace(original.provider)}</span>
        </span>
      ),
    },
    {
      id: 'pulled',
      header: 'Last pull',
      accessorFn: ({ pulled_at }) => pulled_at ?? '',
      cell: ({ row: { original } }) => <LastPull provider={original} />,
    },
    {
      id: 'set',
      header: 'Set',
      accessorFn: ({ set_at }) => set_at,
      cell: ({ row: { original } }) => (
        <span title={`${formatDateTime(original.set_at)} by ${original.set_by}`}>
          <Ago ts={original.set_at} /> <span className="nd-dim">by {original.set_by}</span>
        </span>
      ),
    },
    {
      id: 'actions',
      header: '',
      enableSorting: false,
      cell: ({ row: { original } }) => (
        <span className="nd-row-actions">
          <Button size="compact-xs" leftSection={<CloudDownload size={12} />} onClick={() => onPull(original)}>
            Pull…
          </Button>
          <Tooltip label="Replace">
            <ActionIcon size={22} aria-label={`Replace the provider of ${title(original)}`} onClick={() => onReplace(original)}>
              <PencilLine size={13} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Remove">
            <ActionIcon size={22} aria-label={`Remove the provider of ${title(original)}`} onClick={() => onRemove(original)}>
              <Trash2 size={13} />
            </ActionIcon>
          </Tooltip>
        </span>
      ),
    },
  ];
}

function LastPull({ provider: { pulled_at, last_failure } }: { provider: SecretProvider }) {
  if (last_failure === null) {
    return (
      <span className="nd-given">
        <Mark meaning={pulled_at === null ? NEVER : PULLED} />
        {pulled_at === null ? null : (
          <span className="nd-dim">
            <Ago ts={pulled_at} />
          </span>
        )}
      </span>
    );
  }
  return (
    <span className="nd-last-pull">
      <span className="nd-given">
        <Mark meaning={FAILED} />
        <span className="nd-dim">
          <Ago ts={last_failure.at} />
          {pulled_at === null ? (
            '; never pulled before'
          ) : (
            <>
              ; last pulled <Ago ts={pulled_at} />
            </>
          )}
        </span>
      </span>
      <span className="nd-wrap">
        <Prose text={last_failure.message} />
      </span>
    </span>
  );
}

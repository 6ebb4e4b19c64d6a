import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { FileUp, RefreshCw, RotateCw, ShieldCheck, Trash2 } from 'lucide-react';
import { type ReactNode, useMemo } from 'react';
import { Link } from 'wouter';
import type { Certificate } from '../../daemon/contract/certificates.ts';
import type { Host } from '../../preload/contract.ts';
import { formatAhead, formatDateTime, proxyName } from '../format.ts';
import { appPath } from '../paths.ts';
import { countInNeed, factsOf, inOrderOfNeed, issuerText, SOURCE_TEXT } from '../state/certificates.ts';
import { useActions, useDaemon } from '../state/hooks.ts';
import { useAsked } from '../state/use-asked.ts';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Empty } from '../ui/notice.tsx';
import { Panel } from '../ui/text.tsx';
import { useNow } from '../ui/use-now.ts';
import type { CertificateControls } from './certificate-drawer.tsx';
import { CertificateMark, CertificateRemedy, LifeBar } from './certificate-parts.tsx';
import { Unread } from './unread.tsx';
import { useCertificateQuestions } from './use-certificate-questions.tsx';

/** What is served changes without an event: a file is replaced, a name points elsewhere. */
const REFRESH_MS = 60_000;
const NO_CERTIFICATES: readonly Certificate[] = [];

/** Every certificate of a host as visitors get it, what needs somebody first. */
export function HostCertificates({ host }: { host: Host }) {
  const actions = useActions();
  const { certificates } = useDaemon(host.id);
  const { problem, retry } = useAsked(host.id, actions.loadCertificates, REFRESH_MS);
  const questions = useCertificateQuestions(host, certificates ?? NO_CERTIFICATES);
  const { controls, show } = questions;
  const columns = useMemo(() => certificateColumns(host, controls, show), [host, controls, show]);
  if (certificates === null) return <Unread what="certificates" problem={problem} onRetry={retry} />;
  const needy = countInNeed(certificates);
  const take = (
    <Button
      size={certificates.length === 0 ? 'xs' : 'compact-sm'}
      leftSection={<FileUp size={13} />}
      onClick={questions.importAny}
    >
      Import…
    </Button>
  );
  return (
    <div className="nd-stack">
      {certificates.length === 0 ? (
        <Empty icon={ShieldCheck} title="No certificates on this host" text={NO_CERTIFICATES_YET}>
          {take}
        </Empty>
      ) : (
        <Panel
          title={`Certificates (${certificates.length})`}
          flush
          aside={
            <>
              <span className="nd-dim">
                {needy === 0 ? 'as visitors get them' : needy === 1 ? 'one needs somebody' : `${needy} need somebody`}
              </span>
              <Tooltip label="Check them again">
                <ActionIcon aria-label="Check the certificates again" onClick={retry}>
                  <RefreshCw size={14} />
                </ActionIcon>
              </Tooltip>
              {take}
            </>
          }
        >
          <DataTable
            kind="certificates"
            label="Certificates"
            columns={columns}
            rows={inOrderOfNeed(certificates)}
            rowId={({ domain }) => `certificate ${domain}`}
            onRowClick={show}
            empty=""
          />
        </Panel>
      )}
      {questions.dialogs}
    </div>
  );
}

const NO_CERTIFICATES_YET =
  'An app with a domain and TLS gets one by itself. One of your own can be imported before its route is there.';

function certificateColumns(
  host: Host,
  { onRenew, onImport, onRemove }: CertificateControls,
  onShow: (certificate: Certificate) => void,
): Column<Certificate>[] {
  return [
    {
      id: 'domain',
      header: 'Domain',
      accessorFn: ({ domain }) => domain,
      cell: ({ row: { original } }) => <Domain host={host} certificate={original} onShow={() => onShow(original)} />,
    },
    {
      id: 'state',
      header: 'Visitors get',
      enableSorting: false,
      cell: ({ row: { original } }) => (
        <span className="nd-last-pull">
          <CertificateMark certificate={original} />
          <CertificateRemedy certificate={original} />
        </span>
      ),
    },
    {
      id: 'issuer',
      header: 'Issued by',
      accessorFn: (certificate) => issuerText(factsOf(certificate)?.issuer ?? ''),
      cell: ({ row: { original } }) => <Issuer certificate={original} />,
    },
    {
      id: 'left',
      header: 'Left',
      accessorFn: (certificate) => factsOf(certificate)?.not_after ?? '',
      cell: ({ row }) => <LifeBar certificate={row.original} />,
    },
    {
      id: 'renewal',
      header: 'Next renewal',
      accessorFn: ({ next_renewal_at }) => next_renewal_at ?? '9',
      cell: ({ row }) => <NextRenewal certificate={row.original} />,
    },
    {
      id: 'actions',
      header: '',
      enableSorting: false,
      cell: ({ row: { original } }) => (
        <span className="nd-row-actions">
          {original.source === 'imported' ? (
            <>
              <RowAction
                label="Import a new one"
                name={original.domain}
                icon={<FileUp size={13} />}
                act={() => onImport(original)}
              />
              <RowAction label="Remove" name={original.domain} icon={<Trash2 size={13} />} act={() => onRemove(original)} />
            </>
          ) : (
            <RowAction label="Renew" name={original.domain} icon={<RotateCw size={13} />} act={() => onRenew(original)} />
          )}
        </span>
      ),
    },
  ];
}

function RowAction({ label, name, icon, act }: { label: string; name: string; icon: ReactNode; act(): void }) {
  return (
    <Tooltip label={label}>
      <ActionIcon size={22} aria-label={`${label}: ${name}`} onClick={act}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}

interface DomainProps {
  host: Host;
  certificate: Certificate;
  onShow(): void;
}

function Domain({ host, certificate: { domain, app_name, proxy }, onShow }: DomainProps) {
  const used = app_name === null ? (proxy === null ? 'no route uses it' : `a route of ${proxyName(proxy)}`) : null;
  return (
    <span className="nd-last-pull">
      <button type="button" className="nd-link nd-strong nd-wrap" onClick={onShow}>
        {domain}
      </button>
      {app_name === null ? (
        <span className="nd-dim">{used}</span>
      ) : (
        <Link className="nd-link" href={appPath(host.id, app_name)}>
          {app_name}
        </Link>
      )}
    </span>
  );
}

function Issuer({ certificate }: { certificate: Certificate }) {
  const issuer = factsOf(certificate)?.issuer;
  return (
    <span className="nd-last-pull" title={issuer}>
      <span className="nd-wrap">{issuer === undefined ? '–' : issuerText(issuer)}</span>
      <span className="nd-dim">{SOURCE_TEXT[certificate.source]}</span>
    </span>
  );
}

function NextRenewal({ certificate: { next_renewal_at } }: { certificate: Certificate }) {
  const now = useNow();
  if (next_renewal_at === null) return <span className="nd-dim">by hand</span>;
  return (
    <time className="nd-number" dateTime={next_renewal_at} title={formatDateTime(next_renewal_at)}>
      {formatAhead(Date.parse(next_renewal_at), now)}
    </time>
  );
}

import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { PencilLine, Plus, RefreshCw, Signpost, Trash2 } from 'lucide-react';
import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import type { ProxyRoute } from '../../daemon/contract/proxy-routes.ts';
import type { Host } from '../../preload/contract.ts';
import { ConfirmDialog } from '../dialogs/confirm-dialog.tsx';
import { RouteDialog } from '../dialogs/route-dialog.tsx';
import { proxyName, tlsText } from '../format.ts';
import { appPath } from '../paths.ts';
import { useActions, useDaemon } from '../state/hooks.ts';
import { routeId, routesInOrder, targetText } from '../state/proxy-routes.ts';
import { useAsked } from '../state/use-asked.ts';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Empty } from '../ui/notice.tsx';
import { useRun } from '../ui/run.tsx';
import { Panel } from '../ui/text.tsx';
import { RouteSettings, RouteState } from './route-parts.tsx';
import { Unread } from './unread.tsx';

/** What listens on a port, and what else was done to the proxy, is no event. */
const REFRESH_MS = 30_000;

/** Each question keeps what it was about while its dialog fades. */
interface Asked {
  kind: 'edit' | 'remove' | null;
  route: ProxyRoute | null;
}

/** Every site that the proxies of a host serve for NextDeploy, as it was read back from them. */
export function HostRoutes({ host }: { host: Host }) {
  const actions = useActions();
  const { routes } = useDaemon(host.id);
  const { problem, retry } = useAsked(host.id, actions.loadRoutes, REFRESH_MS);
  const { run } = useRun();
  const [asked, setAsked] = useState<Asked>({ kind: null, route: null });
  const close = () => setAsked((held) => ({ ...held, kind: null }));
  const columns = useMemo(
    () =>
      routeColumns(
        host,
        (route) => setAsked({ kind: 'edit', route }),
        (route) => setAsked({ kind: 'remove', route }),
      ),
    [host],
  );
  if (routes === null) return <Unread what="routes" problem={problem} onRetry={retry} />;
  const add = (
    <Button
      variant="filled"
      size={routes.length === 0 ? 'xs' : 'compact-sm'}
      leftSection={<Plus size={13} />}
      onClick={() => setAsked({ kind: 'edit', route: null })}
    >
      Add route…
    </Button>
  );
  const doomed = asked.route;
  return (
    <div className="nd-stack">
      {routes.length === 0 ? (
        <Empty icon={Signpost} title="No routes on this host" text={NO_ROUTES}>
          {add}
        </Empty>
      ) : (
        <Panel
          title={`Routes (${routes.length})`}
          flush
          aside={
            <>
              <span className="nd-dim">read back from the proxies</span>
              <Tooltip label="Read them back again">
                <ActionIcon aria-label="Read the routes again" onClick={retry}>
                  <RefreshCw size={14} />
                </ActionIcon>
              </Tooltip>
              {add}
            </>
          }
        >
          <DataTable
            kind="routes"
            label="Routes"
            columns={columns}
            rows={routesInOrder(routes)}
            rowId={(route) => routeId(route)}
            onRowClick={(route) => setAsked({ kind: 'edit', route })}
            empty=""
          />
        </Panel>
      )}
      <RouteDialog opened={asked.kind === 'edit'} onClose={close} host={host} route={asked.route} />
      <ConfirmDialog
        opened={asked.kind === 'remove'}
        onClose={close}
        title={`Remove the route ${doomed?.domain ?? ''}`}
        text={
          doomed === null
            ? ''
            : `The proxy does not answer for ${[doomed.domain, ...doomed.aliases].join(', ')} any more: visitors get an error. The program at ${targetText(doomed)} is left as it is.`
        }
        action="Remove route"
        isDangerous
        isProduction={host.production}
        {...(host.production && doomed !== null ? { typed: doomed.domain } : {})}
        onConfirm={async () =>
          doomed !== null && (await run('The route was not removed', () => actions.removeRoute(host.id, doomed.domain)))
        }
      />
    </div>
  );
}

const NO_ROUTES =
  'An app with a domain has one by itself. A route to a port brings another program of this host, such as a dashboard, to the web.';

type OnRoute = (route: ProxyRoute) => void;

function routeColumns(host: Host, onEdit: OnRoute, onRemove: OnRoute): Column<ProxyRoute>[] {
  return [
    {
      id: 'domain',
      header: 'Domain',
      accessorFn: ({ domain }) => domain,
      cell: ({ row: { original } }) => (
        <span className="nd-last-pull">
          <button type="button" className="nd-link nd-strong nd-wrap" onClick={() => onEdit(original)}>
            {original.domain === '' ? 'no domain any more' : original.domain}
          </button>
          {original.aliases.length === 0 ? null : <span className="nd-dim nd-wrap">{original.aliases.join(', ')}</span>}
        </span>
      ),
    },
    {
      id: 'target',
      header: 'Leads to',
      accessorFn: targetText,
      cell: ({ row: { original } }) =>
        original.app_name === null ? (
          targetText(original)
        ) : (
          <Link className="nd-link" href={appPath(host.id, original.app_name)}>
            {original.app_name}
          </Link>
        ),
    },
    {
      id: 'proxy',
      header: 'Proxy · TLS',
      accessorFn: ({ proxy_type, tls }) => `${proxyName(proxy_type)} ${tls}`,
      cell: ({ row: { original } }) => (
        <span className="nd-last-pull">
          <span>{proxyName(original.proxy_type)}</span>
          <span className="nd-dim">TLS {tlsText(original.tls)}</span>
        </span>
      ),
    },
    {
      id: 'settings',
      header: 'Settings',
      enableSorting: false,
      cell: ({ row }) => <RouteSettings route={row.original} />,
    },
    { id: 'state', header: 'State', enableSorting: false, cell: ({ row }) => <RouteState route={row.original} /> },
    {
      id: 'actions',
      header: '',
      enableSorting: false,
      cell: ({ row: { original } }) => (
        <span className="nd-row-actions">
          <Tooltip label="Change">
            <ActionIcon size={22} aria-label={`Change the route ${original.domain}`} onClick={() => onEdit(original)}>
              <PencilLine size={13} />
            </ActionIcon>
          </Tooltip>
          {original.app_name === null ? (
            <Tooltip label="Remove">
              <ActionIcon size={22} aria-label={`Remove the route ${original.domain}`} onClick={() => onRemove(original)}>
                <Trash2 size={13} />
              </ActionIcon>
            </Tooltip>
          ) : null}
        </span>
      ),
    },
  ];
}

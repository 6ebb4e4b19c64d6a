import { ActionIcon, Button, Checkbox, Tooltip } from '@mantine/core';
import { Ban, CircleCheck, CircleMinus, Clock, Plus, TicketX, UserKey } from 'lucide-react';
import { useMemo, useState } from 'react';
import type { Token } from '../../daemon/contract/access.ts';
import type { Host } from '../../preload/contract.ts';
import { ConfirmDialog } from '../dialogs/confirm-dialog.tsx';
import { namesText } from '../dialogs/secrets/roll-choice.tsx';
import { TokenDialog } from '../dialogs/token-dialog.tsx';
import { formatAhead, formatDateTime } from '../format.ts';
import { useActions, useDaemon } from '../state/hooks.ts';
import { inOrderOfUse, isEnded, standingOf, type TokenStanding } from '../state/tokens.ts';
import { useAsked } from '../state/use-asked.ts';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Mark, type Meaning } from '../ui/mark.tsx';
import { Empty } from '../ui/notice.tsx';
import { notifySuccess, useRun } from '../ui/run.tsx';
import { Ago, Panel } from '../ui/text.tsx';
import { useNow } from '../ui/use-now.ts';
import { Unread } from './unread.tsx';

/** The last use of a token is no event. */
const REFRESH_MS = 15_000;

/** Who may call the daemon beside the console: each token with what it may, until when, and when it was last used. */
export function HostTokens({ host }: { host: Host }) {
  const actions = useActions();
  const { tokens, apps } = useDaemon(host.id);
  const { problem, retry } = useAsked(host.id, actions.loadTokens, REFRESH_MS);
  const [isMaking, setMaking] = useState(false);
  const [doomed, setDoomed] = useState<Token | null>(null);
  const [hasEnded, setHasEnded] = useState(false);
  const columns = useMemo(() => tokenColumns(setDoomed), []);
  const now = useNow();
  if (tokens === null) return <Unread what="tokens" problem={problem} onRetry={retry} />;
  const all = inOrderOfUse(tokens, now);
  const shown = hasEnded ? all : all.filter((token) => !isEnded(token, now));
  const ended = all.length - all.filter((token) => !isEnded(token, now)).length;
  const make = (
    <Button
      variant="filled"
      size={tokens.length === 0 ? 'xs' : 'compact-sm'}
      leftSection={<Plus size={13} />}
      onClick={() => setMaking(true)}
    >
      New token…
    </Button>
  );
  return (
    <div className="nd-stack">
      {tokens.length === 0 ? (
        <Empty icon={UserKey} title="No tokens on this host yet" text={NO_TOKENS}>
          {make}
        </Empty>
      ) : (
        <Panel
          title={`Tokens (${shown.length})`}
          flush
          aside={
            <>
              {ended === 0 ? null : (
                <Checkbox
                  label={`Show ended (${ended})`}
                  checked={hasEnded}
                  onChange={(event) => setHasEnded(event.currentTarget.checked)}
                />
              )}
              {make}
            </>
          }
        >
          <DataTable
            kind="tokens"
            label="Tokens"
            columns={columns}
            rows={shown}
            rowId={({ id }) => id}
            empty="All tokens have ended. The console itself uses the server’s own."
          />
        </Panel>
      )}
      <TokenDialog opened={isMaking} onClose={() => setMaking(false)} host={host} apps={Object.keys(apps)} />
      <RevokeDialog host={host} token={doomed} onClose={() => setDoomed(null)} />
    </div>
  );
}

const NO_TOKENS =
  'Make one for a pipeline or a colleague: with a role, for all apps or some, and with an end. The console itself uses the server’s own, which is in its configuration.';

const STANDING: Record<TokenStanding, Meaning> = {
  live: { tone: 'ok', icon: CircleCheck, word: 'Live' },
  soon: { tone: 'busy', icon: Clock, word: 'Ends soon' },
  expired: { tone: 'idle', icon: CircleMinus, word: 'Expired' },
  revoked: { tone: 'bad', icon: Ban, word: 'Revoked' },
};

function tokenColumns(onRevoke: (token: Token) => void): Column<Token>[] {
  return [
    {
      id: 'name',
      header: 'Name',
      accessorFn: ({ name }) => name,
      cell: ({ row: { original } }) => (
        <span className="nd-strong nd-wrap" title={original.id}>
          {original.name}
        </span>
      ),
    },
    { id: 'role', header: 'Role', accessorFn: ({ role }) => role },
    {
      id: 'reach',
      header: 'Apps',
      accessorFn: ({ apps }) => apps?.join(' ') ?? '',
      cell: ({ row: { original } }) =>
        original.apps === null ? (
          <span className="nd-dim">all</span>
        ) : (
          <span className="nd-wrap" title={original.apps.join(', ')}>
            {namesText(original.apps)}
          </span>
        ),
    },
    { id: 'state', header: 'State', enableSorting: false, cell: ({ row }) => <Standing token={row.original} /> },
    {
      id: 'expires',
      header: 'Expires',
      accessorFn: ({ expires_at }) => expires_at ?? '9',
      cell: ({ row }) => <Expiry token={row.original} />,
    },
    {
      id: 'used',
      header: 'Last used',
      accessorFn: ({ last_used_at }) => last_used_at ?? '',
      cell: ({ row: { original } }) =>
        original.last_used_at === null ? <span className="nd-dim">never</span> : <Ago ts={original.last_used_at} />,
    },
    {
      id: 'made',
      header: 'Made',
      accessorFn: ({ created_at }) => created_at,
      cell: ({ row: { original } }) => (
        <>
          <Ago ts={original.created_at} /> <span className="nd-dim">by {original.created_by}</span>
        </>
      ),
    },
    {
      id: 'actions',
      header: '',
      enableSorting: false,
      cell: ({ row: { original } }) =>
        original.state !== 'live' ? null : (
          <Tooltip label="Revoke">
            <ActionIcon size={22} aria-label={`Revoke ${original.name}`} onClick={() => onRevoke(original)}>
              <TicketX size={13} />
            </ActionIcon>
          </Tooltip>
        ),
    },
  ];
}

function Standing({ token }: { token: Token }) {
  const standing = standingOf(token, useNow());
  const by = token.revoked_at === null ? undefined : `${formatDateTime(token.revoked_at)} by ${token.revoked_by}`;
  return <Mark meaning={STANDING[standing]} title={by} testId="token-state" />;
}

function Expiry({ token: { expires_at, state } }: { token: Token }) {
  const now = useNow();
  if (expires_at === null) return <span className="nd-dim">never</span>;
  const isOver = state !== 'live' || Date.parse(expires_at) <= now;
  return isOver ? (
    <Ago ts={expires_at} />
  ) : (
    <time dateTime={expires_at} title={formatDateTime(expires_at)} className="nd-number">
      {formatAhead(Date.parse(expires_at), now)}
    </time>
  );
}

/** Keeps what it was about while it fades. */
function RevokeDialog({ host, token, onClose }: { host: Host; token: Token | null; onClose(): void }) {
  const actions = useActions();
  const { run } = useRun();
  const [held, setHeld] = useState(token);
  if (token !== null && token !== held) setHeld(token);
  if (held === null) return null;
  const revoke = async () => {
    await actions.revokeToken(host.id, held.id);
    notifySuccess(`${held.name} is revoked`, 'It opens nothing any more.');
  };
  return (
    <ConfirmDialog
      opened={token !== null}
      onClose={onClose}
      title={`Revoke the token ${held.name}`}
      text={
        <>
          <p>Whoever bears it is shut out at once, and what they have open is closed. Operations that it has begun go on.</p>
          <p>
            {held.last_used_at === null ? 'It was never used.' : <LastUse at={held.last_used_at} />} It cannot be brought back;
            its bearer needs a new one.
          </p>
        </>
      }
      action="Revoke token"
      isDangerous
      isProduction={host.production}
      {...(host.production ? { typed: held.name } : {})}
      onConfirm={() => run('The token was not revoked', revoke)}
    />
  );
}

const LastUse = ({ at }: { at: string }) => (
  <>
    It was last used <Ago ts={at} />.
  </>
);

import { Button } from '@mantine/core';
import { CircleCheck, CircleMinus, Clock, CloudDownload, KeyRound, Layers, Plus } from 'lucide-react';
import { useMemo } from 'react';
import { Link } from 'wouter';
import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import type { Secret, SecretPin } from '../../daemon/contract/secrets.ts';
import type { Host } from '../../preload/contract.ts';
import { hostPath } from '../paths.ts';
import { useActions, useDaemon } from '../state/hooks.ts';
import { lookUp } from '../state/look-up.ts';
import { providerOf, providersReaching } from '../state/providers.ts';
import { type GivenSecret, type GivenState, givenSecrets, givenText, ownerTitle, pendingNames } from '../state/secrets.ts';
import { useAppReleases, useSecrets } from '../state/use-secrets.ts';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Mark, type Meaning } from '../ui/mark.tsx';
import { Empty, Notice } from '../ui/notice.tsx';
import { Panel } from '../ui/text.tsx';
import { ProvidersPanel } from './providers-panel.tsx';
import { type SecretControls, secretColumns } from './secret-columns.tsx';
import { Unread } from './unread.tsx';
import { useProviderQuestions } from './use-provider-questions.tsx';
import { useSecretQuestions } from './use-secret-questions.tsx';

interface AppSecretsProps {
  host: Host;
  app: AppStatus;
  /** The live one, or before a first success what was tried last. */
  release: Release | undefined;
}

const NO_SECRETS: readonly Secret[] = [];
const NO_PINS: readonly SecretPin[] = [];

/** What an app is given by all scopes together, and how that differs from what its live release runs with. */
export function AppSecrets({ host, app, release }: AppSecretsProps) {
  const actions = useActions();
  const { secrets, providers, problem, retry } = useSecrets(host.id);
  const apps = useAppReleases(host.id);
  const project = release?.configuration.project ?? null;
  const about = { host, secrets: secrets ?? NO_SECRETS, apps, app: { name: app.name, project } };
  const questions = useSecretQuestions(about);
  const ofProviders = useProviderQuestions({ ...about, providers, onChanged: questions.tell });
  const isLive = release !== undefined && release.id === app.release;
  const live = isLive ? release.id : null;
  const isRefused = release?.configuration.secrets.inject === 'none';
  const columns = useMemo(() => {
    const all = givenColumns(questions.controls, live);
    return isRefused ? all.filter(({ id }) => id !== 'given') : all; // there is no release that takes anything over
  }, [questions.controls, live, isRefused]);
  // Without the live release everything would look as if it were not live yet.
  const isKnown = lookUp(useDaemon(host.id).releases, app.name) !== undefined;
  if (secrets === null || !isKnown) return <Unread what="secrets" problem={problem} onRetry={retry} />;
  const given = givenSecrets(secrets, app.name, project, isLive ? release.secrets : NO_PINS);
  const pending = pendingNames(given);
  const reaching = providersReaching(providers, app.name, project);
  const own = { scope: 'app' as const, app_name: app.name };
  const provide =
    providerOf(providers, own) === undefined ? (
      <Button
        variant={given.length === 0 ? 'subtle' : 'default'}
        size={given.length === 0 ? 'xs' : 'compact-sm'}
        leftSection={<CloudDownload size={13} />}
        onClick={() => ofProviders.ask(own)}
      >
        Set provider…
      </Button>
    ) : null;
  const set = (
    <Button
      variant={given.length === 0 ? 'filled' : 'default'}
      size={given.length === 0 ? 'xs' : 'compact-sm'}
      leftSection={<Plus size={13} />}
      onClick={() => questions.ask(own)}
    >
      Set secrets…
    </Button>
  );
  return (
    <div className="nd-stack">
      {isRefused ? (
        <Notice
          tone="info"
          title={`${app.name} is not given its secrets`}
          text="Its configuration says so; a deploy with changes can give them to it."
        >
          <Button size="compact-sm" onClick={() => actions.wish({ host: host.id, app: app.name, what: 'deploy' })}>
            Deploy with changes…
          </Button>
        </Notice>
      ) : null}
      {isLive && !isRefused && pending.length > 0 ? (
        <Notice
          tone="busy"
          title={pending.length === 1 ? 'One change is not live yet' : `${pending.length} changes are not live yet`}
          text={`${pending.join(', ')}: ${app.name} takes ${pending.length === 1 ? 'it' : 'them'} over with its next release.`}
        >
          <Button size="compact-sm" onClick={() => actions.wish({ host: host.id, app: app.name, what: 'deploy' })}>
            Deploy…
          </Button>
        </Notice>
      ) : null}
      {reaching.length === 0 ? null : (
        <ProvidersPanel
          title={`Providers that deploys of ${app.name} ask (${reaching.length})`}
          providers={reaching}
          controls={ofProviders.controls}
        />
      )}
      {given.length === 0 ? (
        <Empty icon={KeyRound} title={`${app.name} is given no secrets`} text={NEVER_SHOWN}>
          {set}
          {provide}
        </Empty>
      ) : (
        <Panel
          title={`Secrets of ${app.name} (${new Set(given.map(({ name }) => name)).size})`}
          flush
          aside={
            <>
              <span className="nd-dim">Values are never shown.</span>
              <Link className="nd-link" href={hostPath(host.id, 'secrets')}>
                all of {host.name}
              </Link>
              {provide}
              {set}
            </>
          }
        >
          <DataTable
            kind="given"
            label={`Secrets of ${app.name}`}
            columns={columns}
            rows={given}
            rowId={({ id }) => id}
            onRowClick={({ secret }) => secret !== null && questions.controls.onShow(secret)}
            empty=""
          />
        </Panel>
      )}
      {questions.dialogs}
      {ofProviders.dialogs}
    </div>
  );
}

const NEVER_SHOWN =
  'Set one, or paste a whole `.env`. Those of its project and the global ones of the host would be listed here too. Values are sealed on the server and never shown again.';

function givenColumns(controls: SecretControls, live: string | null): Column<GivenSecret>[] {
  const { name, version, fingerprint, when, by, actions } = secretColumns<GivenSecret>(controls);
  const owner: Column<GivenSecret> = {
    id: 'owner',
    header: 'Given by',
    accessorFn: (row) => ownerTitle(row.owner),
    cell: ({ row: { original } }) => <span className="nd-ellipsis">{ownerTitle(original.owner)}</span>,
  };
  const state: Column<GivenSecret> = {
    id: 'given',
    header: live === null ? 'State' : `Against ${live}`,
    accessorFn: (row) => row.state,
    cell: ({ row: { original } }) => {
      const text = givenText(original, live);
      return (
        <span className="nd-given" data-given={original.state}>
          <Mark meaning={{ ...STATE[original.state], word: stateWord(original.state, live) }} />
          {text === null ? null : <span className="nd-dim">{text}</span>}
        </span>
      );
    },
  };
  return [name, owner, version, state, fingerprint, when, by, actions];
}

const STATE: Record<GivenState, Omit<Meaning, 'word'>> = {
  live: { tone: 'ok', icon: CircleCheck },
  next: { tone: 'busy', icon: Clock },
  leaving: { tone: 'busy', icon: CircleMinus },
  hidden: { tone: 'idle', icon: Layers },
};

function stateWord(state: GivenState, live: string | null): string {
  switch (state) {
    case 'live':
      return `As in ${live}`;
    case 'next':
      return 'Next release';
    case 'leaving':
      return 'Until next release';
    case 'hidden':
      return 'Hidden';
  }
}

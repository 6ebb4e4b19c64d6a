import { Button, TextInput } from '@mantine/core';
import { CloudDownload, KeyRound, Plus, RotateCcwKey, Search } from 'lucide-react';
import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import type { Secret, SecretOwner } from '../../daemon/contract/secrets.ts';
import type { Host } from '../../preload/contract.ts';
import { namesText } from '../dialogs/secrets/roll-choice.tsx';
import { appPath } from '../paths.ts';
import { inOrderOfScope, providerOf } from '../state/providers.ts';
import { type AppReleases, appsReached, groupSecrets, type SecretGroup, secretId } from '../state/secrets.ts';
import { useAppReleases, useSecrets } from '../state/use-secrets.ts';
import { DataTable } from '../ui/data-table.tsx';
import { Empty } from '../ui/notice.tsx';
import { Panel } from '../ui/text.tsx';
import { ProvidersPanel } from './providers-panel.tsx';
import { type SecretControls, secretColumns } from './secret-columns.tsx';
import { Unread } from './unread.tsx';
import { useProviderQuestions } from './use-provider-questions.tsx';
import { useSecretQuestions } from './use-secret-questions.tsx';

const NO_SECRETS: readonly Secret[] = [];
const GLOBAL: SecretOwner = { scope: 'global' };

/** Everything that apps of a host are given and nobody is shown, by whom it is given to. */
export function HostSecrets({ host }: { host: Host }) {
  const { secrets, providers, problem, retry } = useSecrets(host.id);
  const apps = useAppReleases(host.id);
  const [filter, setFilter] = useState('');
  const questions = useSecretQuestions({ host, secrets: secrets ?? NO_SECRETS, apps, app: null });
  const about = { host, providers, secrets: secrets ?? NO_SECRETS, apps, app: null, onChanged: questions.tell };
  const ofProviders = useProviderQuestions(about);
  const provide = () => ofProviders.ask(providerOf(providers, GLOBAL) === undefined ? GLOBAL : { scope: 'project', project: '' });
  if (secrets === null) return <Unread what="secrets" problem={problem} onRetry={retry} />;
  const wanted = filter.trim().toUpperCase();
  const groups = groupSecrets(secrets.filter(({ name }) => name.toUpperCase().includes(wanted)));
  return (
    <div className="nd-stack">
      {secrets.length === 0 ? (
        <Empty icon={KeyRound} title="No secrets on this host yet" text={NEVER_SHOWN}>
          <Button variant="filled" leftSection={<Plus size={14} />} onClick={() => questions.ask({ scope: 'global' })}>
            Set secrets…
          </Button>
          <Button variant="subtle" leftSection={<RotateCcwKey size={14} />} onClick={questions.rotate}>
            Rotate key…
          </Button>
          {providers.length === 0 ? (
            <Button variant="subtle" leftSection={<CloudDownload size={14} />} onClick={provide}>
              Pull from a provider…
            </Button>
          ) : null}
        </Empty>
      ) : (
        <div className="nd-secrets-bar">
          <TextInput
            className="nd-secrets-filter"
            leftSection={<Search size={13} />}
            placeholder="Filter by name"
            aria-label="Filter secrets by name"
            data-shortcut="filter"
            autoComplete="off"
            spellCheck={false}
            value={filter}
            onChange={(event) => setFilter(event.currentTarget.value)}
          />
          <span className="nd-dim nd-grow nd-ellipsis">Values are sealed on the server and never shown.</span>
          <Button leftSection={<RotateCcwKey size={14} />} onClick={questions.rotate}>
            Rotate key…
          </Button>
          <Button leftSection={<CloudDownload size={14} />} onClick={provide}>
            Set provider…
          </Button>
          <Button variant="filled" leftSection={<Plus size={14} />} onClick={() => questions.ask({ scope: 'global' })}>
            Set secrets…
          </Button>
        </div>
      )}
      {providers.length === 0 ? null : (
        <ProvidersPanel
          title={`Providers (${providers.length})`}
          providers={inOrderOfScope(providers)}
          controls={ofProviders.controls}
        />
      )}
      {groups.map((group) => (
        <Group key={group.title} host={host} group={group} apps={apps} controls={questions.controls} onAdd={questions.ask} />
      ))}
      {groups.length === 0 && secrets.length > 0 ? <p className="nd-dim">No secret has such a name.</p> : null}
      {questions.dialogs}
      {ofProviders.dialogs}
    </div>
  );
}

const NEVER_SHOWN =
  'Set one, or paste a whole `.env`: for all apps, for those of a project, or for one. Values are sealed on the server and never shown again, only their names, versions and fingerprints are.';

interface GroupProps {
  host: Host;
  group: SecretGroup;
  apps: readonly AppReleases[];
  controls: SecretControls;
  onAdd(owner: SecretOwner): void;
}

function Group({ host, group, apps, controls, onAdd }: GroupProps) {
  const { owner, title } = group;
  const columns = useMemo(() => {
    const { name, version, fingerprint, when, by, actions } = secretColumns<{ name: string; secret: Secret }>(controls);
    return [name, version, fingerprint, when, by, actions];
  }, [controls]);
  const rows = group.secrets.map((secret) => ({ name: secret.name, secret }));
  return (
    <Panel
      title={`${title} (${rows.length})`}
      flush
      aside={
        <>
          <span className="nd-dim">
            <ReachText host={host} owner={owner} apps={apps} />
          </span>
          <Button size="compact-sm" leftSection={<Plus size={13} />} aria-label={`Add to ${title}`} onClick={() => onAdd(owner)}>
            Add…
          </Button>
        </>
      }
    >
      <DataTable
        kind="secrets"
        label={`Secrets: ${title}`}
        columns={columns}
        rows={rows}
        rowId={({ secret }) => secretId(secret)}
        onRowClick={({ secret }) => controls.onShow(secret)}
        empty=""
      />
    </Panel>
  );
}

/** Whom the secrets of an owner are given to. */
function ReachText({ host, owner, apps }: { host: Host; owner: SecretOwner; apps: readonly AppReleases[] }) {
  if (owner.scope === 'app') {
    const isThere = apps.some(({ app }) => app.name === owner.app_name);
    if (!isThere) return <>not deployed here yet</>;
    return (
      <Link className="nd-link" href={appPath(host.id, owner.app_name, 'secrets')}>
        what {owner.app_name} is given
      </Link>
    );
  }
  const reached = appsReached(owner, apps);
  return <>{reached.length === 0 ? 'given to no app yet' : `given to ${namesText(reached)}`}</>;
}

import { type ReactNode, useMemo, useState } from 'react';
import type { SecretProvider } from '../../daemon/contract/secret-providers.ts';
import type { Secret, SecretOwner, SecretsChanged } from '../../daemon/contract/secrets.ts';
import type { Host } from '../../preload/contract.ts';
import { ProviderDialog } from '../dialogs/provider-dialog.tsx';
import { PullDialog } from '../dialogs/pull-dialog.tsx';
import { RemoveProviderDialog } from '../dialogs/remove-provider-dialog.tsx';
import { type ProviderForm, providerForm } from '../state/provider-form.ts';
import { providerOf } from '../state/providers.ts';
import { type AppReleases, ownerOfSecret, projectsOf } from '../state/secrets.ts';
import type { ProviderControls } from './providers-panel.tsx';

interface ProviderQuestions {
  controls: ProviderControls;
  /** Asks for a provider of this owner, which has none yet. */
  ask(owner: SecretOwner): void;
  /** To be rendered somewhere. */
  dialogs: ReactNode;
}

interface QuestionsAbout {
  host: Host;
  providers: readonly SecretProvider[];
  secrets: readonly Secret[];
  apps: readonly AppReleases[];
  /** The app whose secrets are looked at; null: those of the whole host. */
  app: { name: string; project: string | null } | null;
  onChanged(changed: SecretsChanged): void;
}

/** Each question keeps what it was about while its dialog fades. */
interface Asked {
  kind: 'set' | 'pull' | 'remove' | null;
  start: ProviderForm;
  /** Pulled from by this owner: which of them it is, the list says by then. */
  owner: SecretOwner;
  provider: SecretProvider | null;
}

const GLOBAL: SecretOwner = { scope: 'global' };
const NOTHING: Asked = { kind: null, start: providerForm(GLOBAL), owner: GLOBAL, provider: null };

/** What an operator is asked before a provider of secrets is set, asked, or removed; one place for the views of a host and of an app. */
export function useProviderQuestions({ host, providers, secrets, apps, app, onChanged }: QuestionsAbout): ProviderQuestions {
  const [asked, setAsked] = useState(NOTHING);
  const project = app?.project ?? undefined;
  const closing = (kind: Asked['kind']) => () => setAsked((held) => (held.kind === kind ? { ...held, kind: null } : held));
  const controls = useMemo((): ProviderControls => {
    const about = (provider: SecretProvider) => ({ ...NOTHING, owner: ownerOfSecret(provider), provider });
    return {
      onPull: (provider) => setAsked({ ...about(provider), kind: 'pull' }),
      onReplace(provider) {
        const start = providerForm(ownerOfSecret(provider), { project, provider: provider.provider });
        setAsked({ ...about(provider), kind: 'set', start });
      },
      onRemove: (provider) => setAsked({ ...about(provider), kind: 'remove' }),
    };
  }, [project]);
  return {
    controls,
    ask: (owner) => setAsked({ ...NOTHING, kind: 'set', start: providerForm(owner, { project }) }),
    dialogs: (
      <>
        <ProviderDialog
          opened={asked.kind === 'set'}
          onClose={closing('set')}
          host={host}
          start={asked.start}
          replaced={asked.provider}
          providers={providers}
          app={app}
          apps={apps.map((each) => each.app.name)}
          projects={projectsOf(
            secrets,
            apps.flatMap(({ releases }) => releases),
          )}
          // What it has is shown at once, and taken over only when that is asked for.
          onSet={(owner) => setAsked({ ...NOTHING, kind: 'pull', owner })}
        />
        <PullDialog
          opened={asked.kind === 'pull'}
          onClose={closing('pull')}
          host={host}
          provider={providerOf(providers, asked.owner) ?? null}
          onChanged={onChanged}
        />
        <RemoveProviderDialog
          opened={asked.kind === 'remove'}
          onClose={closing('remove')}
          host={host}
          provider={asked.provider}
          secrets={secrets}
        />
      </>
    ),
  };
}

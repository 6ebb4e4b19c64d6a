import { type ReactNode, useMemo, useState } from 'react';
import type { Secret, SecretOwner, SecretsChanged } from '../../daemon/contract/secrets.ts';
import type { Host } from '../../preload/contract.ts';
import { RemoveSecretDialog } from '../dialogs/remove-secret-dialog.tsx';
import { RotateKeyDialog } from '../dialogs/rotate-key-dialog.tsx';
import { namesText } from '../dialogs/secrets/roll-choice.tsx';
import { SecretsDialog } from '../dialogs/secrets-dialog.tsx';
import { SecretsOutcomeDialog } from '../dialogs/secrets-outcome-dialog.tsx';
import { sentence } from '../format.ts';
import { type AppReleases, changesText, ownerOfSecret, projectsOf, secretId } from '../state/secrets.ts';
import { type SecretsForm, secretsForm } from '../state/secrets-form.ts';
import { notifySuccess } from '../ui/run.tsx';
import type { SecretControls } from './secret-columns.tsx';
import { SecretDrawer } from './secret-drawer.tsx';

interface SecretQuestions {
  controls: SecretControls;
  /** Asks for new secrets of this owner. */
  ask(owner: SecretOwner): void;
  rotate(): void;
  /** Says what became of a change that was asked for elsewhere. */
  tell(changed: SecretsChanged): void;
  /** To be rendered somewhere. */
  dialogs: ReactNode;
}

interface QuestionsAbout {
  host: Host;
  secrets: readonly Secret[];
  apps: readonly AppReleases[];
  /** The app whose secrets are looked at; null: those of the whole host. */
  app: { name: string; project: string | null } | null;
}

/** Each question keeps what it was about while its dialog fades. */
interface Asked {
  kind: 'set' | 'remove' | 'rotate' | 'outcome' | null;
  start: SecretsForm;
  isNamed: boolean;
  secret: Secret | null;
  changed: SecretsChanged | null;
}

const NOTHING: Asked = { kind: null, start: secretsForm({ scope: 'global' }), isNamed: false, secret: null, changed: null };

/** What an operator is asked before secrets change, and told after it; one place for the views of a host and of an app. */
export function useSecretQuestions({ host, secrets, apps, app }: QuestionsAbout): SecretQuestions {
  const [asked, setAsked] = useState(NOTHING);
  const [shownId, setShownId] = useState<string | null>(null);
  const project = app?.project ?? undefined;
  /** What a question led to may be on the screen already. */
  const closing = (kind: Asked['kind']) => () => setAsked((held) => (held.kind === kind ? { ...held, kind: null } : held));
  const controls = useMemo(
    (): SecretControls => ({
      onShow: (secret) => setShownId(secretId(secret)),
      onSet(secret) {
        const start = secretsForm(ownerOfSecret(secret), { project, name: secret.name });
        setShownId(null);
        setAsked({ ...NOTHING, kind: 'set', isNamed: true, start, secret });
      },
      onRemove(secret) {
        setShownId(null);
        setAsked({ ...NOTHING, kind: 'remove', secret });
      },
    }),
    [project],
  );
  /** Apps that were rolled, or could not be, are told of at length; all else in a line. */
  const tell = (changed: SecretsChanged) => {
    if (changed.rolled.length + changed.not_rolled.length > 0) return setAsked({ ...NOTHING, kind: 'outcome', changed });
    const { apps: concerned } = changed;
    const next =
      concerned.length === 0
        ? ''
        : ` ${namesText(concerned)} ${concerned.length === 1 ? 'takes' : 'take'} it over with the next release.`;
    notifySuccess('The secrets are changed', `${sentence(changesText(changed.changes))}.${next}`);
  };
  const shown = secrets.find((secret) => secretId(secret) === shownId);
  return {
    ask: (owner) => setAsked({ ...NOTHING, kind: 'set', start: secretsForm(owner, { project }) }),
    rotate: () => setAsked({ ...NOTHING, kind: 'rotate' }),
    tell,
    controls,
    dialogs: (
      <>
        <SecretDrawer secret={shown} apps={apps} onClose={() => setShownId(null)} {...controls} />
        <SecretsDialog
          opened={asked.kind === 'set'}
          onClose={closing('set')}
          host={host}
          start={asked.start}
          isNamed={asked.isNamed}
          origin={asked.secret?.origin ?? null}
          app={app}
          apps={apps.map((each) => each.app.name)}
          projects={projectsOf(
            secrets,
            apps.flatMap(({ releases }) => releases),
          )}
          onChanged={tell}
        />
        <RemoveSecretDialog
          opened={asked.kind === 'remove'}
          onClose={closing('remove')}
          host={host}
          secret={asked.secret}
          secrets={secrets}
          apps={apps}
          onChanged={tell}
        />
        <RotateKeyDialog opened={asked.kind === 'rotate'} onClose={closing('rotate')} host={host} />
        {asked.changed === null ? null : (
          <SecretsOutcomeDialog
            opened={asked.kind === 'outcome'}
            onClose={closing('outcome')}
            host={host.id}
            changed={asked.changed}
          />
        )}
      </>
    ),
  };
}

import { useState } from 'react';
import type { Secret, SecretsChanged } from '../../daemon/contract/secrets.ts';
import type { Host } from '../../preload/contract.ts';
import { useActions } from '../state/hooks.ts';
import { type AppReleases, concernedByRemoval, ownerOfSecret, ownerTitle, secretGoes, secretStays } from '../state/secrets.ts';
import { useRun } from '../ui/run.tsx';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { GoAndStay } from './go-and-stay.tsx';
import { RollChoice } from './secrets/roll-choice.tsx';

interface RemoveSecretDialogProps {
  opened: boolean;
  onClose(): void;
  host: Host;
  /** Null while none is to go. */
  secret: Secret | null;
  /** All of the host: a wider one takes the place of what is removed. */
  secrets: readonly Secret[];
  apps: readonly AppReleases[];
  onChanged(changed: SecretsChanged): void;
}

/** Asks before a secret goes, and says which releases keep it and what the next ones are given. */
export function RemoveSecretDialog({ opened, onClose, host, secret, secrets, apps, onChanged }: RemoveSecretDialogProps) {
  const actions = useActions();
  const { run } = useRun();
  const [isRolled, setRolled] = useState(false);
  const concerned = secret === null ? [] : concernedByRemoval(secret, secrets, apps);
  const rolls = isRolled && concerned.length > 0;
  const remove = async (gone: Secret) => {
    const query = { ...ownerOfSecret(gone), name: gone.name, ...(rolls ? { roll: 'true' } : {}) };
    onChanged(await actions.removeSecret(host.id, query));
  };
  return (
    <ConfirmDialog
      opened={opened}
      onClose={() => {
        setRolled(false);
        onClose();
      }}
      title={secret === null ? '' : `Remove ${secret.name} · ${ownerTitle(ownerOfSecret(secret))}`}
      text={
        secret === null ? (
          ''
        ) : (
          <>
            <GoAndStay
              goes={secretGoes(secret, secrets, apps)}
              staysTitle="Stays, as long as the release can serve"
              stays={secretStays(secret, apps)}
            />
            <RollChoice apps={concerned} isChosen={isRolled} onChange={setRolled} />
          </>
        )
      }
      action={rolls ? 'Remove and roll' : 'Remove secret'}
      isDangerous
      isProduction={host.production}
      typed={secret?.name ?? ''}
      onConfirm={async () => secret !== null && (await run(`${secret.name} was not removed`, () => remove(secret)))}
    />
  );
}

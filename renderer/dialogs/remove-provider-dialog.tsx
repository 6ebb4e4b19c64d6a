import type { SecretProvider } from '../../daemon/contract/secret-providers.ts';
import type { Secret } from '../../daemon/contract/secrets.ts';
import type { Host } from '../../preload/contract.ts';
import { useActions } from '../state/hooks.ts';
import { countPulled, PROVIDER_NAME, providerPlace } from '../state/providers.ts';
import { ownerName, ownerOfSecret, ownerTitle } from '../state/secrets.ts';
import { useRun } from '../ui/run.tsx';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { GoAndStay } from './go-and-stay.tsx';

interface RemoveProviderDialogProps {
  opened: boolean;
  onClose(): void;
  host: Host;
  /** Null while none is to go. */
  provider: SecretProvider | null;
  secrets: readonly Secret[];
}

/** Asks before a scope's provider goes with its credentials, and says that the secrets do not. */
export function RemoveProviderDialog({ opened, onClose, host, provider, secrets }: RemoveProviderDialogProps) {
  const actions = useActions();
  const { run } = useRun();
  if (provider === null) return null;
  const owner = ownerOfSecret(provider);
  const count = countPulled(provider, secrets);
  const name = PROVIDER_NAME[provider.provider.kind];
  return (
    <ConfirmDialog
      opened={opened}
      onClose={onClose}
      title={`Remove the provider · ${ownerTitle(owner)}`}
      text={
        <GoAndStay
          goes={[
            `${name}, ${providerPlace(provider.provider)}, with its credentials`,
            'deploys and pulls do not ask it any more: what changes there stays there',
          ]}
          staysTitle="Stays on the host"
          stays={[
            count === 0
              ? 'every secret: none was pulled from it'
              : count === 1
                ? 'the secret that was pulled from it, as it is now'
                : `the ${count} secrets that were pulled from it, as they are now`,
          ]}
        />
      }
      action="Remove provider"
      isDangerous
      isProduction={host.production}
      {...(host.production ? { typed: ownerName(owner) ?? host.name } : {})}
      onConfirm={() => run('The provider was not removed', () => actions.removeProvider(host.id, owner))}
    />
  );
}

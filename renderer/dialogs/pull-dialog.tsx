import { Button, Group, Loader, Modal } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { SecretProvider } from '../../daemon/contract/secret-providers.ts';
import type { SecretsChanged } from '../../daemon/contract/secrets.ts';
import type { Host } from '../../preload/contract.ts';
import { messageOf } from '../bridge/bridge-error.ts';
import { useActions } from '../state/hooks.ts';
import { PROVIDER_NAME, providerPlace } from '../state/providers.ts';
import { ownerOfSecret, ownerTitle } from '../state/secrets.ts';
import { Notice } from '../ui/notice.tsx';
import { PreviewForm } from './secrets/preview-form.tsx';

interface PullDialogProps {
  opened: boolean;
  onClose(): void;
  host: Host;
  /** Null while none is asked. */
  provider: SecretProvider | null;
  onChanged(changed: SecretsChanged): void;
}

/** Asks a provider what it has, shows what that would change, and only then takes it over. */
export function PullDialog({ opened, onClose, provider, ...flow }: PullDialogProps) {
  const title =
    provider === null ? '' : `Pull from ${PROVIDER_NAME[provider.provider.kind]} · ${ownerTitle(ownerOfSecret(provider))}`;
  return (
    <Modal opened={opened} onClose={onClose} title={title} size={600}>
      {provider === null ? null : <PullFlow {...flow} provider={provider} onClose={onClose} />}
    </Modal>
  );
}

interface PullFlowProps extends Omit<PullDialogProps, 'opened' | 'provider'> {
  provider: SecretProvider;
}

function PullFlow({ onClose, host, provider, onChanged }: PullFlowProps) {
  const actions = useActions();
  const [preview, setPreview] = useState<SecretsChanged | null>(null);
  const [problem, setProblem] = useState<{ title: string; text: string } | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [attempt, setAttempt] = useState(1);
  const [owner] = useState(() => ownerOfSecret(provider));
  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` asks once more
  useEffect(() => {
    let isCurrent = true;
    actions.pullSecrets(host.id, { ...owner, dry_run: true }).then(
      (changed) => isCurrent && setPreview(changed),
      (error: unknown) => isCurrent && setProblem({ title: 'Nothing was pulled', text: messageOf(error) }),
    );
    return () => {
      isCurrent = false;
    };
  }, [actions, host.id, owner, attempt]);
  const again = () => {
    setProblem(null);
    setPreview(null);
    setAttempt(attempt + 1);
  };
  const pull = async (roll: boolean) => {
    setBusy(true);
    try {
      const changed = await actions.pullSecrets(host.id, { ...owner, roll });
      onClose();
      onChanged(changed);
    } catch (error) {
      setProblem({ title: 'The pull failed', text: messageOf(error) });
      setBusy(false);
    }
  };
  if (problem !== null) {
    return (
      <div className="nd-form">
        <Notice tone="bad" title={problem.title} text={problem.text} />
        <p className="nd-dim">
          No secret was changed, and running apps go on with what they have. A deploy fails for as long as the provider does.
        </p>
        <Group justify="flex-end" gap={8}>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="filled" onClick={again} data-autofocus>
            Try again
          </Button>
        </Group>
      </div>
    );
  }
  if (preview === null) {
    return (
      <div className="nd-form">
        <p className="nd-waiting" role="status">
          <Loader size={14} /> {PROVIDER_NAME[provider.provider.kind]} is asked for{' '}
          <span className="nd-mono nd-wrap">{providerPlace(provider.provider)}</span>…
        </p>
        <Group justify="flex-end" gap={8}>
          <Button onClick={onClose}>Cancel</Button>
        </Group>
      </div>
    );
  }
  return (
    <PreviewForm
      owner={owner}
      changed={preview}
      host={host}
      word="Pull"
      isBusy={isBusy}
      onBack={null}
      onClose={onClose}
      onGo={(roll) => void pull(roll)}
    />
  );
}

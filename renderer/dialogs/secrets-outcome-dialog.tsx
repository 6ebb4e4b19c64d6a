import { Button, Group, Modal } from '@mantine/core';
import { CircleX } from 'lucide-react';
import { Link } from 'wouter';
import type { SecretsChanged } from '../../daemon/contract/secrets.ts';
import { sentence } from '../format.ts';
import { appPath } from '../paths.ts';
import { useDaemon } from '../state/hooks.ts';
import { lookUp } from '../state/look-up.ts';
import { changesText } from '../state/secrets.ts';
import { Mark, OPERATION_STATE } from '../ui/mark.tsx';
import { Prose } from '../ui/prose.tsx';

interface SecretsOutcomeDialogProps {
  opened: boolean;
  onClose(): void;
  host: string;
  changed: SecretsChanged;
}

/** What became of the apps that were to take a change of secrets over at once: their operations, live, or why there is none. */
export function SecretsOutcomeDialog({ opened, onClose, host, changed }: SecretsOutcomeDialogProps) {
  const { operations } = useDaemon(host);
  return (
    <Modal opened={opened} onClose={onClose} title="The secrets are changed">
      <div className="nd-form">
        <p>{sentence(changesText(changed.changes))}.</p>
        <ul className="nd-outcome" aria-label="Apps">
          {changed.rolled.map(({ app_name, operation_id }) => {
            const operation = lookUp(operations, operation_id);
            return (
              <li key={app_name}>
                <Link className="nd-link nd-strong" href={appPath(host, app_name)} onClick={onClose}>
                  {app_name}
                </Link>
                <Mark meaning={OPERATION_STATE[operation?.state ?? 'running']} />
                <span className="nd-dim nd-grow">
                  {operation?.release == null ? 'a new release' : operation.release} ·{' '}
                  <span className="nd-mono">{operation_id}</span>
                </span>
              </li>
            );
          })}
          {changed.not_rolled.map(({ app_name, reason }) => (
            <li key={app_name}>
              <Link className="nd-link nd-strong" href={appPath(host, app_name)} onClick={onClose}>
                {app_name}
              </Link>
              <Mark meaning={NOT_ROLLED} />
              <span className="nd-grow">
                <Prose text={sentence(reason)} />
              </span>
            </li>
          ))}
        </ul>
        {changed.not_rolled.length === 0 ? null : (
          <p className="nd-dim">What was not rolled takes the change over with its next release.</p>
        )}
        <Group justify="flex-end" gap={8}>
          <Button variant="filled" onClick={onClose} data-autofocus>
            Done
          </Button>
        </Group>
      </div>
    </Modal>
  );
}

const NOT_ROLLED = { tone: 'bad', icon: CircleX, word: 'Not rolled' } as const;

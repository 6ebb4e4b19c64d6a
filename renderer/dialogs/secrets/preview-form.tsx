import { Button, Group } from '@mantine/core';
import { ArrowLeft } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import type { SecretOwner, SecretsChanged } from '../../../daemon/contract/secrets.ts';
import type { Host } from '../../../preload/contract.ts';
import { changesText, ownerName, ownerPhrase } from '../../state/secrets.ts';
import { ProductionNote } from '../production-note.tsx';
import { TypedConfirmation } from '../typed-confirmation.tsx';
import { ChangeTable } from './change-table.tsx';
import { RollChoice } from './roll-choice.tsx';

interface PreviewFormProps {
  owner: SecretOwner;
  /** What the daemon says would change. */
  changed: SecretsChanged;
  host: Host;
  /** What the button does: `Set`, `Pull`. */
  word: string;
  isBusy: boolean;
  /** To what was typed; null: nothing was, and the button closes. */
  onBack: (() => void) | null;
  onClose?: () => void;
  onGo(roll: boolean): void;
}

/** What would become of each secret and of the apps, before it does. */
export function PreviewForm({ owner, changed, host, word, isBusy, onBack, onClose, onGo }: PreviewFormProps) {
  const [roll, setRoll] = useState(false);
  const [typed, setTyped] = useState('');
  const isNothing = changed.changes.every(({ change }) => change === 'unchanged' || change === 'kept');
  const removes = changed.changes.some(({ change }) => change === 'removed');
  const wanted = !isNothing && (removes || host.production) ? (ownerName(owner) ?? host.name) : null;
  const isAllowed = !isNothing && (wanted === null || typed === wanted);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isAllowed && !isBusy) onGo(roll);
  };
  const counts = changesText(changed.changes);
  return (
    <form className="nd-form" onSubmit={submit}>
      {host.production ? <ProductionNote /> : null}
      <p>
        {isNothing ? 'Nothing would change in ' : 'This is what changes in '}
        {ownerPhrase(owner)} on {host.name}
        {counts === '' ? '' : `: ${counts}`}.
      </p>
      {changed.changes.length === 0 ? null : <ChangeTable changes={changed.changes} />}
      {isNothing ? null : <RollChoice apps={changed.apps} isChosen={roll} onChange={setRoll} />}
      {wanted === null ? null : <TypedConfirmation typed={wanted} value={typed} onChange={setTyped} />}
      <Group justify="flex-end" gap={8}>
        {onBack === null ? (
          <Button onClick={onClose} disabled={isBusy} autoFocus={isNothing}>
            {isNothing ? 'Done' : 'Cancel'}
          </Button>
        ) : (
          <Button
            className="nd-push"
            leftSection={<ArrowLeft size={13} />}
            onClick={onBack}
            disabled={isBusy}
            autoFocus={isNothing}
          >
            Back
          </Button>
        )}
        {isNothing && onBack === null ? null : (
          <Button
            type="submit"
            variant="filled"
            {...(removes ? { color: 'red' } : {})}
            disabled={!isAllowed}
            loading={isBusy}
            autoFocus={wanted === null}
          >
            {roll ? `${word} and roll` : removes ? `${word} and remove` : word}
          </Button>
        )}
      </Group>
    </form>
  );
}

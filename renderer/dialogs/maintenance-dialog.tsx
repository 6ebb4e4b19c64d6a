import { Button, Group, Modal, Textarea } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { AppStatus } from '../../daemon/contract/domain.ts';
import { DEFAULTS, LIMITS } from '../../daemon/contract/limits.ts';
import { ProductionNote } from './production-note.tsx';

interface MaintenanceDialogProps {
  opened: boolean;
  onClose(): void;
  app: AppStatus;
  isProduction: boolean;
  /** Puts the page up with this message, or takes it down with null. Resolves with whether it has begun. */
  onChange(message: string | null): Promise<boolean>;
}

/** Asks what visitors are to read while they are not served, and shows how they will. */
export function MaintenanceDialog(props: MaintenanceDialogProps) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={`Maintenance page of ${props.app.name}`}>
      <MaintenanceForm {...props} />
    </Modal>
  );
}

function MaintenanceForm({ onClose, app, isProduction, onChange }: MaintenanceDialogProps) {
  const shown = app.maintenance?.message;
  const [message, setMessage] = useState(shown ?? DEFAULTS.maintenance_message);
  const [isBusy, setBusy] = useState(false);
  const text = message.trim();
  const isTooLong = text.length > LIMITS.maintenance_message_max;
  const isAllowed = text !== '' && !isTooLong && text !== shown;
  const act = async (next: string | null) => {
    setBusy(true);
    const hasBegun = await onChange(next);
    setBusy(false);
    if (hasBegun) onClose();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isAllowed && !isBusy) void act(text);
  };
  return (
    <form className="nd-form" onSubmit={submit}>
      {isProduction ? <ProductionNote /> : null}
      <p>
        Visitors get this page (503) in place of the app. The app goes on: its health path keeps answering, and it can be deployed
        and swapped meanwhile.
      </p>
      <Textarea
        label="Message"
        description="One line, without formatting."
        autosize
        minRows={2}
        maxRows={6}
        value={message}
        error={isTooLong ? `Use at most ${LIMITS.maintenance_message_max} characters` : undefined}
        onChange={(event) => setMessage(event.currentTarget.value.replace(/\s*\n\s*/g, ' '))}
        data-autofocus
      />
      <figure className="nd-preview" aria-label="What visitors see">
        <figcaption className="nd-mono">{app.domain ?? app.name} · 503 Service Unavailable</figcaption>
        <h4>Down for maintenance</h4>
        <p>{text === '' ? DEFAULTS.maintenance_message : text}</p>
      </figure>
      <Group justify="flex-end" gap={8}>
        {shown === undefined ? null : (
          <Button className="nd-push" onClick={() => void act(null)} disabled={isBusy}>
            Take the page down
          </Button>
        )}
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="filled" disabled={!isAllowed} loading={isBusy}>
          {shown === undefined ? 'Show the page' : 'Change the message'}
        </Button>
      </Group>
    </form>
  );
}

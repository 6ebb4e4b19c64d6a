import { ActionIcon, Button, Group, Modal, NumberInput } from '@mantine/core';
import { Minus, Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import type { AppStatus } from '../../daemon/contract/domain.ts';
import { LIMITS } from '../../daemon/contract/limits.ts';
import { proxyName } from '../format.ts';
import { ProductionNote } from './production-note.tsx';

interface ScaleDialogProps {
  opened: boolean;
  onClose(): void;
  app: AppStatus;
  isProduction: boolean;
  /** Resolves with whether it has begun. */
  onScale(replicas: number): Promise<boolean>;
}

/** Asks how many replicas are to run. */
export function ScaleDialog(props: ScaleDialogProps) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={`Scale ${props.app.name}`}>
      <ScaleForm {...props} />
    </Modal>
  );
}

function ScaleForm({ onClose, app, isProduction, onScale }: ScaleDialogProps) {
  const [wanted, setWanted] = useState<number | string>(app.replicas_wanted);
  const [isBusy, setBusy] = useState(false);
  const replicas = Number(wanted);
  const isValid = Number.isInteger(replicas) && replicas >= 1 && replicas <= LIMITS.replicas_max && wanted !== '';
  const step = (by: number) =>
    setWanted(Math.min(LIMITS.replicas_max, Math.max(1, (isValid ? replicas : app.replicas_wanted) + by)));
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!isValid || isBusy || replicas === app.replicas_wanted) return;
    setBusy(true);
    const hasBegun = await onScale(replicas);
    setBusy(false);
    if (hasBegun) onClose();
  };
  return (
    <form className="nd-form" onSubmit={(event) => void submit(event)}>
      {isProduction ? <ProductionNote /> : null}
      <div className="nd-stepper">
        <ActionIcon variant="default" size={34} aria-label="One less" disabled={replicas <= 1} onClick={() => step(-1)}>
          <Minus size={15} />
        </ActionIcon>
        <NumberInput
          aria-label="Replicas"
          className="nd-stepper-field"
          size="md"
          hideControls
          allowDecimal={false}
          allowNegative={false}
          clampBehavior="none"
          min={1}
          max={LIMITS.replicas_max}
          value={wanted}
          onChange={setWanted}
          error={!isValid}
          data-autofocus
        />
        <ActionIcon
          variant="default"
          size={34}
          aria-label="One more"
          disabled={replicas >= LIMITS.replicas_max}
          onClick={() => step(1)}
        >
          <Plus size={15} />
        </ActionIcon>
        <span className="nd-dim">
          of {LIMITS.replicas_max} at most · now {app.replicas} running, {app.replicas_wanted} wanted
        </span>
      </div>
      <p>{isValid ? scaleText(app, replicas) : `Use a whole number from 1 to ${LIMITS.replicas_max}.`}</p>
      {isValid && replicas !== app.replicas_wanted && app.domain !== null ? <p className="nd-dim">{reloadText(app)}</p> : null}
      <Group justify="flex-end" gap={8}>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="filled" disabled={!isValid || replicas === app.replicas_wanted} loading={isBusy}>
          {isValid && replicas !== app.replicas_wanted ? `Scale to ${replicas}` : 'Scale'}
        </Button>
      </Group>
    </form>
  );
}

function scaleText({ release, replicas_wanted }: AppStatus, replicas: number): string {
  const more = replicas - replicas_wanted;
  const of = release === null ? '' : ` of ${release}`;
  if (more === 0) return 'So many are wanted already.';
  if (more === 1) return `One more container${of} starts, and gets requests once it is healthy.`;
  if (more > 1) return `${more} more containers${of} start, and get requests once they are healthy.`;
  if (more === -1) return `One container${of} gets no new requests, ends the open ones, and stops.`;
  return `${-more} containers${of} get no new requests, end the open ones, and stop.`;
}

const reloadText = ({ proxy, name }: AppStatus) =>
  `The route of ${name} changes, so ${proxyName(proxy)} reloads its configuration once. Requests go on${
    proxy === 'caddy' ? '; Caddy before 2.7 cuts open WebSockets at a reload.' : '; open connections end in the old workers.'
  }`;

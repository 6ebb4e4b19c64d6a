import { Button, Group, Modal } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { ProductionNote } from './production-note.tsx';
import { TypedConfirmation } from './typed-confirmation.tsx';

interface ConfirmDialogProps {
  opened: boolean;
  onClose(): void;
  title: string;
  /** What will happen, and to whom. */
  text: ReactNode;
  /** The button's word: what it does, never "OK". */
  action: string;
  /** The word of the button that leaves everything as it is. */
  close?: string;
  isDangerous?: boolean;
  isProduction: boolean;
  /** What must be typed before the button does anything. */
  typed?: string;
  /** Resolves with whether the dialog has served its purpose. */
  onConfirm(): Promise<boolean>;
}

/** Asks before something that visitors would notice or that cannot be taken back. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={props.title}>
      <ConfirmForm {...props} />
    </Modal>
  );
}

function ConfirmForm(props: ConfirmDialogProps) {
  const { onClose, text, action, close = 'Cancel', isDangerous = false, isProduction, typed, onConfirm } = props;
  const [value, setValue] = useState('');
  const [isBusy, setBusy] = useState(false);
  const isAllowed = typed === undefined || value === typed;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!isAllowed || isBusy) return;
    setBusy(true);
    const isDone = await onConfirm();
    setBusy(false);
    if (isDone) onClose();
  };
  return (
    <form onSubmit={(event) => void submit(event)} className="nd-form">
      {isProduction ? <ProductionNote /> : null}
      {typeof text === 'string' ? <p>{text}</p> : text}
      {typed === undefined ? null : <TypedConfirmation typed={typed} value={value} onChange={setValue} />}
      <Group justify="flex-end" gap={8}>
        <Button onClick={onClose}>{close}</Button>
        <Button
          type="submit"
          variant="filled"
          {...(isDangerous ? { color: 'red' } : {})}
          disabled={!isAllowed}
          loading={isBusy}
          {...(typed === undefined ? { 'data-autofocus': true } : {})}
        >
          {action}
        </Button>
      </Group>
    </form>
  );
}

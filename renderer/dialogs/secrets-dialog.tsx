import { Button, Group, Modal } from '@mantine/core';
import { ArrowLeft } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import type { RouteBodyInput } from '../../daemon/contract/routes.ts';
import type { SecretsChanged } from '../../daemon/contract/secrets.ts';
import type { Host } from '../../preload/contract.ts';
import { fieldErrorsOf, messageOf } from '../bridge/bridge-error.ts';
import { useActions } from '../state/hooks.ts';
import { changesText, ownerName, ownerOfSecret, ownerPhrase, ownerTitle } from '../state/secrets.ts';
import { formOwner, readSecretsForm, type SecretsErrors, type SecretsForm, secretsErrors } from '../state/secrets-form.ts';
import { Notice } from '../ui/notice.tsx';
import { focusFirstError } from './focus-first-error.ts';
import { ProductionNote } from './production-note.tsx';
import { ChangeTable } from './secrets/change-table.tsx';
import { SecretsEdit, type SecretsEditProps } from './secrets/edit.tsx';
import { RollChoice } from './secrets/roll-choice.tsx';
import { TypedConfirmation } from './typed-confirmation.tsx';

interface SecretsDialogProps extends Omit<SecretsEditProps, 'form' | 'errors' | 'onChange'> {
  opened: boolean;
  onClose(): void;
  host: Host;
  /** What the fields hold at first. */
  start: SecretsForm;
  /** The secrets are changed; what became of the apps. */
  onChanged(changed: SecretsChanged): void;
}

/** Sets secrets: they are typed or pasted, the daemon says what that would change, and only then it does. */
export function SecretsDialog(props: SecretsDialogProps) {
  const { opened, onClose, start, isNamed } = props;
  const owner = formOwner(start);
  const title = isNamed && owner !== null ? `Set ${start.name} anew · ${ownerTitle(owner)}` : 'Set secrets';
  return (
    <Modal opened={opened} onClose={onClose} title={title} size={600}>
      <SecretsFlow {...props} />
    </Modal>
  );
}

/** What the daemon would do, and with which request. The request holds values, as the form does. */
interface Preview {
  body: RouteBodyInput<'syncSecrets'>;
  changed: SecretsChanged;
}

/** Mounted only while the dialog is open: with it, every value leaves. */
function SecretsFlow({ onClose, host, start, onChanged, ...edit }: SecretsDialogProps) {
  const actions = useActions();
  const [form, setForm] = useState(start);
  const [errors, setErrors] = useState<SecretsErrors>({});
  const [problem, setProblem] = useState<{ title: string; text: string } | null>(null);
  const [preview, setPreview] = useState<Preview | null>(null);
  const [isBusy, setBusy] = useState(false);

  const change = (part: Partial<SecretsForm>) => {
    setForm((held) => ({ ...held, ...part }));
    setErrors((held) => Object.fromEntries(Object.entries(held).filter(([field]) => !Object.hasOwn(part, field))));
    setProblem(null);
  };
  const show = (found: SecretsErrors) => {
    setErrors(found);
    requestAnimationFrame(focusFirstError);
  };
  /** Shows what the daemon refuses at its field, below where it has none. */
  const complain = (title: string, error: unknown) => {
    const shown = secretsErrors(fieldErrorsOf(error), form);
    show(shown);
    setProblem(Object.keys(shown).length > 0 ? null : { title, text: messageOf(error) });
    setBusy(false);
  };
  const ask = async () => {
    const read = readSecretsForm(form);
    if ('errors' in read) return show(read.errors);
    setBusy(true);
    setProblem(null);
    try {
      const changed = await actions.syncSecrets(host.id, { ...read.body, dry_run: true });
      setPreview({ body: read.body, changed });
      setBusy(false);
    } catch (error) {
      complain('It was not checked', error);
    }
  };
  const set = async ({ body }: Preview, roll: boolean) => {
    setBusy(true);
    try {
      const changed = await actions.syncSecrets(host.id, { ...body, roll });
      onClose();
      onChanged(changed);
    } catch (error) {
      setPreview(null);
      complain('Setting them failed', error);
    }
  };
  if (preview !== null) {
    return (
      <PreviewForm
        preview={preview}
        host={host}
        isBusy={isBusy}
        onBack={() => setPreview(null)}
        onSet={(roll) => void set(preview, roll)}
      />
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isBusy) void ask();
  };
  return (
    <form className="nd-form" noValidate onSubmit={submit}>
      {host.production ? <ProductionNote /> : null}
      <SecretsEdit {...edit} form={form} errors={errors} onChange={change} />
      <p className="nd-dim">
        Once set, a value is sealed on the server and never shown again, here or anywhere: keep it where you have it from.
      </p>
      {problem === null ? null : <Notice tone="bad" title={problem.title} text={problem.text} />}
      <Group justify="flex-end" gap={8}>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="filled" loading={isBusy}>
          Show what changes
        </Button>
      </Group>
    </form>
  );
}

interface PreviewFormProps {
  preview: Preview;
  host: Host;
  isBusy: boolean;
  onBack(): void;
  onSet(roll: boolean): void;
}

function PreviewForm({ preview: { body, changed }, host, isBusy, onBack, onSet }: PreviewFormProps) {
  const [roll, setRoll] = useState(false);
  const [typed, setTyped] = useState('');
  const owner = ownerOfSecret({ scope: body.scope, project: body.project ?? null, app_name: body.app_name ?? null });
  const isNothing = changed.changes.every(({ change }) => change === 'unchanged' || change === 'kept');
  const removes = changed.changes.some(({ change }) => change === 'removed');
  const wanted = !isNothing && (removes || host.production) ? (ownerName(owner) ?? host.name) : null;
  const isAllowed = !isNothing && (wanted === null || typed === wanted);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isAllowed && !isBusy) onSet(roll);
  };
  return (
    <form className="nd-form" onSubmit={submit}>
      {host.production ? <ProductionNote /> : null}
      <p>
        {isNothing ? 'Nothing would change in ' : 'This is what changes in '}
        {ownerPhrase(owner)} on {host.name}: {changesText(changed.changes)}.
      </p>
      <ChangeTable changes={changed.changes} />
      {isNothing ? null : <RollChoice apps={changed.apps} isChosen={roll} onChange={setRoll} />}
      {wanted === null ? null : <TypedConfirmation typed={wanted} value={typed} onChange={setTyped} />}
      <Group justify="flex-end" gap={8}>
        <Button
          className="nd-push"
          leftSection={<ArrowLeft size={13} />}
          onClick={onBack}
          disabled={isBusy}
          autoFocus={isNothing}
        >
          Back
        </Button>
        <Button
          type="submit"
          variant="filled"
          {...(removes ? { color: 'red' } : {})}
          disabled={!isAllowed}
          loading={isBusy}
          autoFocus={wanted === null}
        >
          {roll ? 'Set and roll' : removes ? 'Set and remove' : 'Set'}
        </Button>
      </Group>
    </form>
  );
}

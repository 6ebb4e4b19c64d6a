import { Button, Group, Modal } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { RouteBodyInput } from '../../daemon/contract/routes.ts';
import { ownerOf, type ProviderKind, type SecretsChanged } from '../../daemon/contract/secrets.ts';
import type { Host } from '../../preload/contract.ts';
import { fieldErrorsOf, messageOf } from '../bridge/bridge-error.ts';
import { useActions } from '../state/hooks.ts';
import { PROVIDER_NAME } from '../state/providers.ts';
import { ownerTitle } from '../state/secrets.ts';
import { formOwner, readSecretsForm, type SecretsErrors, type SecretsForm, secretsErrors } from '../state/secrets-form.ts';
import { Notice } from '../ui/notice.tsx';
import { focusFirstError } from './focus-first-error.ts';
import { ProductionNote } from './production-note.tsx';
import { SecretsEdit, type SecretsEditProps } from './secrets/edit.tsx';
import { PreviewForm } from './secrets/preview-form.tsx';

interface SecretsDialogProps extends Omit<SecretsEditProps, 'form' | 'errors' | 'onChange'> {
  opened: boolean;
  onClose(): void;
  host: Host;
  /** What the fields hold at first. */
  start: SecretsForm;
  /** Where the secret that is set anew was pulled from; null: it was set by hand. */
  origin: ProviderKind | null;
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
function SecretsFlow({ onClose, host, start, origin, onChanged, ...edit }: SecretsDialogProps) {
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
        owner={ownerOf(preview.body)}
        changed={preview.changed}
        host={host}
        word="Set"
        isBusy={isBusy}
        onBack={() => setPreview(null)}
        onGo={(roll) => void set(preview, roll)}
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
      {origin === null ? null : (
        <Notice
          tone="busy"
          title={`It was pulled from ${PROVIDER_NAME[origin]}`}
          text="Once it is set by hand, pulls leave it as it is. Change it at the provider, then pull, if it is to stay the provider’s."
        />
      )}
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

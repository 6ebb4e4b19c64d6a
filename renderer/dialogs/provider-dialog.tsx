import { Button, Group, Modal } from '@mantine/core';
import { useState } from 'react';
import type { SecretProvider } from '../../daemon/contract/secret-providers.ts';
import type { SecretOwner } from '../../daemon/contract/secrets.ts';
import type { Host } from '../../preload/contract.ts';
import { useActions } from '../state/hooks.ts';
import { type ProviderForm, providerErrors, providerFormOwner, readProviderForm } from '../state/provider-form.ts';
import { PROVIDER_NAME, providerOf, providerPlace } from '../state/providers.ts';
import { ownerTitle } from '../state/secrets.ts';
import { Notice } from '../ui/notice.tsx';
import { ProductionNote } from './production-note.tsx';
import { ProviderEdit } from './secrets/provider-edit.tsx';
import { ScopeChoice, type ScopeNames } from './secrets/scope-choice.tsx';
import { useSubmission } from './use-submission.ts';

interface ProviderDialogProps extends ScopeNames {
  opened: boolean;
  onClose(): void;
  host: Host;
  /** What the fields hold at first. */
  start: ProviderForm;
  /** The one of this scope that is to be replaced: whose it is cannot be changed. */
  replaced: SecretProvider | null;
  /** All of the host: a scope has one. */
  providers: readonly SecretProvider[];
  onSet(owner: SecretOwner): void;
}

/** Asks where a scope's secrets are pulled from, and for the credentials, which nobody is shown again. */
export function ProviderDialog(props: ProviderDialogProps) {
  const { opened, onClose, start, replaced } = props;
  const title =
    replaced === null ? 'Set a provider of secrets' : `Replace the provider · ${ownerTitle(providerFormOwner(start))}`;
  return (
    <Modal opened={opened} onClose={onClose} title={title} size={600}>
      <ProviderFields {...props} />
    </Modal>
  );
}

/** Mounted only while the dialog is open: with it, every credential leaves. */
function ProviderFields({ onClose, host, start, replaced, providers, onSet, ...names }: ProviderDialogProps) {
  const actions = useActions();
  const [form, setForm] = useState(start);
  const owner = providerFormOwner(form);
  const there = replaced ?? providerOf(providers, owner);
  const { errors, problem, isBusy, settle, onSubmit } = useSubmission({
    read: () => readProviderForm(form),
    errorsOf: providerErrors,
    send: async (body) => {
      await actions.setProvider(host.id, body);
      onClose();
      onSet(owner);
    },
  });
  const change = (part: Partial<ProviderForm>) => {
    setForm((held) => ({ ...held, ...part }));
    settle(Object.keys(part));
  };
  return (
    <form className="nd-form" noValidate onSubmit={onSubmit}>
      {host.production ? <ProductionNote /> : null}
      {replaced !== null ? null : (
        <ScopeChoice
          {...names}
          label="Its secrets are given to"
          owner={{ scope: form.scope, project: form.owner_project, app_name: form.app_name }}
          errors={{ project: errors.owner_project, app_name: errors.app_name }}
          onScope={(scope) => change({ scope })}
          onProject={(owner_project) => change({ owner_project })}
          onApp={(app_name) => change({ app_name })}
        />
      )}
      {there === undefined ? null : (
        <Notice
          tone="busy"
          title={`It takes the place of ${PROVIDER_NAME[there.provider.kind]}, ${providerPlace(there.provider)}`}
          text="A scope has one provider. What was pulled from the old one goes with the next pull, unless the new one has it too."
        />
      )}
      <ProviderEdit form={form} errors={errors} onChange={change} />
      <p className="nd-dim">
        Credentials are sealed on the server and never shown again. Deploys, swaps and pulls ask the provider from then on; what
        was set by hand stays as it is.
      </p>
      {problem === null ? null : <Notice tone="bad" title="The provider was not set" text={problem} />}
      <Group justify="flex-end" gap={8}>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="filled" loading={isBusy}>
          {there === undefined ? 'Set provider' : 'Replace provider'}
        </Button>
      </Group>
    </form>
  );
}

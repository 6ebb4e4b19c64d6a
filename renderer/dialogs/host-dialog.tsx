import { Button, Group, Modal, NumberInput, SegmentedControl, Switch, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { type Host, type HostAuth, type HostInput, hostInputSchema } from '../../preload/contract.ts';
import { fieldErrorsOf, messageOf } from '../bridge/bridge-error.ts';
import { sentence } from '../format.ts';
import { hostPath } from '../paths.ts';
import { useActions, useConsole } from '../state/hooks.ts';
import { reconnectsAfter } from '../state/host-edit.ts';
import { Notice } from '../ui/notice.tsx';
import { notifyFailure } from '../ui/run.tsx';

interface HostDialogProps {
  opened: boolean;
  onClose(): void;
  /** The host to change; absent: a new one. */
  host?: Host;
}

/** Adds a server to the console's list, or changes how it is reached. */
export function HostDialog(props: HostDialogProps) {
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      title={props.host === undefined ? 'Add a host' : `Edit ${props.host.name}`}
    >
      <HostForm {...props} />
    </Modal>
  );
}

interface HostFields {
  name: string;
  address: string;
  port: number | string;
  user: string;
  auth_kind: HostAuth['kind'];
  key_path: string;
  production: boolean;
}

const AUTH_TEXT: Record<HostAuth['kind'], string> = {
  agent: 'The keys that your SSH agent holds.',
  key: 'A private key file on this machine. If it has a passphrase, it is asked for when connecting.',
  password: 'It is asked for when connecting, after the server’s key has been verified.',
};

function HostForm({ onClose, host }: HostDialogProps) {
  const actions = useActions();
  const [, navigate] = useLocation();
  const platform = useConsole((state) => state.info?.platform);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const form = useForm<HostFields>({ mode: 'controlled', initialValues: fieldsOf(host) });
  const { values } = form;

  const submit = async () => {
    setProblem(null);
    const parsed = hostInputSchema.safeParse(inputOf(values));
    if (!parsed.success) {
      form.setErrors(fieldErrors(parsed.error.issues.map((issue) => [issue.path.join('.'), issue.message])));
      return;
    }
    setBusy(true);
    try {
      if (host === undefined) {
        const added = await actions.addHost(parsed.data);
        onClose();
        navigate(hostPath(added.id));
        actions.connect(added.id).catch((error: unknown) => notifyFailure(`${added.name} was not connected`, error));
      } else {
        await actions.updateHost(host.id, parsed.data);
        onClose();
        if (reconnectsAfter(host, parsed.data)) {
          actions.connect(host.id).catch((error: unknown) => notifyFailure(`${parsed.data.name} was not connected`, error));
        }
      }
    } catch (error) {
      const errors = fieldErrors(fieldErrorsOf(error).map((each) => [each.field, each.message]));
      form.setErrors(errors);
      const names = Object.keys(errors);
      setProblem(names.length > 0 && names.every((name) => name in values) ? null : messageOf(error));
      setBusy(false);
    }
  };

  return (
    <form
      className="nd-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <TextInput label="Name" placeholder="web-1" required data-autofocus autoComplete="off" {...form.getInputProps('name')} />
      <div className="nd-form-address">
        <TextInput label="User" placeholder="root" required autoComplete="off" {...form.getInputProps('user')} />
        <TextInput
          label="Address"
          placeholder="203.0.113.7 or web-1.example.com"
          required
          autoComplete="off"
          {...form.getInputProps('address')}
        />
        <NumberInput
          label="Port"
          min={1}
          max={65_535}
          clampBehavior="none"
          allowDecimal={false}
          hideControls
          {...form.getInputProps('port')}
        />
      </div>
      <div>
        <div className="nd-label">Log in with</div>
        <SegmentedControl
          fullWidth
          aria-label="Log in with"
          data={[
            { value: 'key', label: 'Key file' },
            { value: 'agent', label: 'SSH agent' },
            { value: 'password', label: 'Password' },
          ]}
          {...form.getInputProps('auth_kind')}
        />
        <p className="nd-hint">{AUTH_TEXT[values.auth_kind]}</p>
      </div>
      {values.auth_kind === 'key' ? (
        <TextInput
          label="Private key file"
          placeholder={platform === 'win32' ? 'C:\\Users\\you\\.ssh\\id_ed25519' : '/home/you/.ssh/id_ed25519'}
          required
          autoComplete="off"
          spellCheck={false}
          {...form.getInputProps('key_path')}
        />
      ) : null}
      <Switch
        label="Production"
        description="Marks the host by colour and asks twice before visitors would notice something."
        {...form.getInputProps('production', { type: 'checkbox' })}
      />
      {problem === null ? null : <Notice tone="bad" title="The host was not saved" text={problem} />}
      <Group justify="flex-end" gap={8}>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="filled" loading={isBusy}>
          {host === undefined ? 'Add host' : 'Save'}
        </Button>
      </Group>
    </form>
  );
}

function fieldsOf(host: Host | undefined): HostFields {
  return {
    name: host?.name ?? '',
    address: host?.address ?? '',
    port: host?.port ?? 22,
    user: host?.user ?? 'root',
    auth_kind: host?.auth.kind ?? 'key',
    key_path: host?.auth.kind === 'key' ? host.auth.path : '',
    production: host?.production ?? false,
  };
}

function inputOf(fields: HostFields): HostInput {
  const { auth_kind, key_path, port, ...rest } = fields;
  const auth: HostAuth = auth_kind === 'key' ? { kind: 'key', path: key_path.trim() } : { kind: auth_kind };
  return { ...rest, port: port === '' ? Number.NaN : Number(port), auth };
}

/** The contract's `auth.path` is the form's `key_path`. */
function fieldErrors(errors: readonly (readonly [field: string, message: string])[]): Record<string, string> {
  return Object.fromEntries(errors.map(([field, message]) => [field === 'auth.path' ? 'key_path' : field, sentence(message)]));
}

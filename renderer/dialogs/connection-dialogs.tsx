import { Button, Group, Modal, PasswordInput } from '@mantine/core';
import { useState } from 'react';
import type { Host } from '../../preload/contract.ts';
import { useActions, useConsole } from '../state/hooks.ts';
import { Notice } from '../ui/notice.tsx';
import { useRun } from '../ui/run.tsx';
import { Copyable, Facts } from '../ui/text.tsx';

type ConnectionOf<Kind extends Host['connection']['kind']> = Extract<Host['connection'], { kind: Kind }>;

/** The questions of the one host that the operator is connecting to: is this its key, and what is the password. */
export function ConnectionDialogs() {
  const actions = useActions();
  const host = useConsole((state) => state.hosts?.find((each) => each.id === state.attention));
  const connection = host?.connection;
  const cancel = () => actions.attend(null);
  return (
    <>
      <Modal opened={connection?.kind === 'key_unknown'} onClose={cancel} title="Is this the right server?" size={580}>
        {host !== undefined && connection?.kind === 'key_unknown' ? (
          <UnknownKey host={host} connection={connection} onCancel={cancel} />
        ) : null}
      </Modal>
      <Modal
        opened={connection?.kind === 'credentials_needed'}
        onClose={cancel}
        title={connection?.kind === 'credentials_needed' && connection.what === 'passphrase' ? 'Unlock the key' : 'Log in'}
      >
        {host !== undefined && connection?.kind === 'credentials_needed' ? (
          <Credentials host={host} connection={connection} onCancel={cancel} />
        ) : null}
      </Modal>
    </>
  );
}

interface UnknownKeyProps {
  host: Host;
  connection: ConnectionOf<'key_unknown'>;
  onCancel(): void;
}

function UnknownKey({ host, connection, onCancel }: UnknownKeyProps) {
  const actions = useActions();
  const { run, isBusy } = useRun();
  const { offered } = connection;
  return (
    <div className="nd-form">
      <p>
        The console meets this server for the first time. Compare the fingerprint with one you got another way, for example from
        its provider’s console with <code>ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub</code>. Nothing has been sent to it
        yet.
      </p>
      <Facts
        rows={[
          ['Server', <span key="server" className="nd-mono">{`${host.address}:${host.port}`}</span>],
          [
            'Key type',
            <span key="type" className="nd-mono">
              {offered.key_type}
            </span>,
          ],
          [
            'Fingerprint',
            <span key="print" data-testid="fingerprint">
              <Copyable value={offered.sha256} label="Copy the fingerprint" />
            </span>,
          ],
        ]}
      />
      <p className="nd-hint">Trusting records the key in your known_hosts file; a different key will be refused from then on.</p>
      <Group justify="flex-end" gap={8}>
        <Button onClick={onCancel}>Cancel</Button>
        <Button
          variant="filled"
          loading={isBusy}
          data-autofocus
          onClick={() => void run('The key was not recorded', () => actions.trust(host.id, offered.sha256))}
        >
          Trust
        </Button>
      </Group>
    </div>
  );
}

interface CredentialsProps {
  host: Host;
  connection: ConnectionOf<'credentials_needed'>;
  onCancel(): void;
}

function Credentials({ host, connection, onCancel }: CredentialsProps) {
  const actions = useActions();
  const { run, isBusy } = useRun();
  const [secret, setSecret] = useState('');
  const isPassword = connection.what === 'password';
  const submit = () => {
    setSecret('');
    void run('The connection failed', () => actions.connect(host.id, isPassword ? { password: secret } : { passphrase: secret }));
  };
  return (
    <form
      className="nd-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (secret !== '') submit();
      }}
    >
      {connection.message === '' ? null : <Notice tone="info" title={connection.message} />}
      <PasswordInput
        label={isPassword ? `Password of ${host.user}@${host.address}` : 'Passphrase of the private key'}
        value={secret}
        onChange={(event) => setSecret(event.currentTarget.value)}
        autoComplete="off"
        data-autofocus
      />
      <p className="nd-hint">
        {isPassword ? 'It is sent only after the server’s key has been verified.' : 'It unlocks the key here and is never sent.'}
      </p>
      <Group justify="flex-end" gap={8}>
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" variant="filled" disabled={secret === ''} loading={isBusy}>
          Connect
        </Button>
      </Group>
    </form>
  );
}

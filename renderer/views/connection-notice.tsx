import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Host } from '../../preload/contract.ts';
import { HostDialog } from '../dialogs/host-dialog.tsx';
import { useActions, useConsole } from '../state/hooks.ts';
import { Notice } from '../ui/notice.tsx';
import { Prose } from '../ui/prose.tsx';
import { useNow } from '../ui/use-now.ts';
import { ConnectButton } from './connect-button.tsx';

/** What stands between the console and the host, with the way on; nothing where all is well. */
export function ConnectionNotice({ host, problem }: { host: Host; problem: string | null }) {
  const actions = useActions();
  const isLinked = useConsole((state) => state.isLinked);
  const { connection, daemon } = host;
  if (!isLinked) return null; // one banner says so for everything
  switch (connection.kind) {
    case 'disconnected':
      return (
        <Notice
          tone="info"
          title={`${host.name} is not connected`}
          text="Its apps go on running; connect to see and change them."
        >
          <ConnectButton host={host} />
        </Notice>
      );
    case 'connecting':
      return <Notice tone="info" title={`Connecting to ${host.user}@${host.address}…`} />;
    case 'reconnecting':
      return (
        <Notice
          tone="busy"
          title={`The connection to ${host.name} was lost`}
          text={
            <>
              {connection.message} <NextAttempt at={connection.next_at} attempt={connection.attempt} />
            </>
          }
        >
          <ConnectButton host={host} label="Try now" />
        </Notice>
      );
    case 'failed':
      return (
        <Notice tone="bad" title={`No connection to ${host.name}`} text={connection.message}>
          <EditHostButton host={host} />
          <ConnectButton host={host} />
        </Notice>
      );
    case 'key_unknown':
      return (
        <Notice tone="busy" title="The host’s key is not known yet" text="Compare its fingerprint before anything is sent to it.">
          <Button variant="filled" onClick={() => actions.attend(host.id)}>
            Review key…
          </Button>
        </Notice>
      );
    case 'credentials_needed':
      return (
        <Notice
          tone="busy"
          title={connection.what === 'password' ? 'A password is needed' : 'The key’s passphrase is needed'}
          text={connection.message}
        >
          <Button variant="filled" onClick={() => actions.attend(host.id)}>
            {connection.what === 'password' ? 'Enter password…' : 'Enter passphrase…'}
          </Button>
        </Notice>
      );
    case 'key_changed':
      return <KeyChanged host={host} connection={connection} />;
    case 'connected':
      break;
  }
  if (daemon.kind === 'unreachable') {
    return (
      <Notice tone="bad" title="The daemon does not answer" text={`${daemon.message} Its apps go on running.`}>
        <ConnectButton host={host} label="Try again" />
      </Notice>
    );
  }
  return problem === null || daemon.kind !== 'ready' ? null : (
    <Notice tone="busy" title="What is shown may be old" text={problem} />
  );
}

function EditHostButton({ host }: { host: Host }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>Edit host…</Button>
      <HostDialog opened={isOpen} onClose={() => setOpen(false)} host={host} />
    </>
  );
}

function NextAttempt({ at, attempt }: { at: string; attempt: number }) {
  const seconds = Math.max(0, Math.ceil((Date.parse(at) - useNow()) / 1000));
  return (
    <span className="nd-number">
      Attempt {attempt} {seconds === 0 ? 'is under way' : `in ${seconds} s`}.
    </span>
  );
}

interface KeyChangedProps {
  host: Host;
  connection: Extract<Host['connection'], { kind: 'key_changed' }>;
}

/** The hard stop: nothing is sent to a server that is not the one it was. There is no button that overrides it. */
function KeyChanged({ host, connection }: KeyChangedProps) {
  return (
    <Notice
      tone="bad"
      title="This server’s key is not the one on record: the console refuses to connect"
      text={
        <>
          <p>
            Either the server was set up anew, or someone stands between you and it. Nothing has been sent to it, no password and
            no key.
          </p>
          <dl className="nd-fingerprints">
            <dt>It offered</dt>
            <dd className="nd-mono" data-testid="offered-key">
              {connection.offered.sha256} ({connection.offered.key_type})
            </dd>
            <dt>On record</dt>
            {connection.known.map((known) => (
              <dd key={known.sha256} className="nd-mono" data-testid="known-key">
                {known.sha256} ({known.key_type})
              </dd>
            ))}
          </dl>
          <p>
            <Prose text={connection.remedy} />
          </p>
        </>
      }
    >
      <ConnectButton host={host} label="Check again" />
    </Notice>
  );
}

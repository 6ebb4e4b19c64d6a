/** A host's connection as the console shows it. Pure. */
import type { Connection } from '../../preload/contract.ts';
import { fingerprint, type HostKey } from './known-hosts/known-hosts.ts';
import type { SshFailure, SshTarget } from './ssh/failures.ts';
import type { Phase } from './ssh/reconnect.ts';

export interface ViewContext {
  target: SshTarget;
  knownHostsPath: string;
  latency_ms: number | null;
}

export function connectionOf(phase: Phase, context: ViewContext): Connection {
  switch (phase.kind) {
    case 'disconnected':
    case 'connecting':
      return { kind: phase.kind };
    case 'connected':
      return { kind: 'connected', since: new Date(phase.since_ms).toISOString(), latency_ms: context.latency_ms };
    case 'reconnecting': {
      const { attempt, message, next_at_ms } = phase;
      return { kind: 'reconnecting', attempt, next_at: new Date(next_at_ms).toISOString(), message };
    }
    case 'stopped':
      return stopped(phase.failure, context);
  }
}

function stopped(failure: SshFailure, { target, knownHostsPath }: ViewContext): Connection {
  switch (failure.kind) {
    case 'key_unknown':
      return { kind: 'key_unknown', offered: print(failure.offered) };
    case 'key_changed': {
      const remedy = changedKeyRemedy(target, knownHostsPath);
      return { kind: 'key_changed', offered: print(failure.offered), known: failure.known.map(print), remedy };
    }
    case 'credentials_needed':
      return { kind: 'credentials_needed', what: failure.what, message: failure.message };
    case 'failed':
      return { kind: 'failed', message: failure.message };
  }
}

function changedKeyRemedy({ address, port }: SshTarget, file: string): string {
  const name = port === 22 ? address : `[${address}]:${port}`;
  return (
    `Nothing was sent to the server. If it was reinstalled, have whoever runs it confirm the new fingerprint, ` +
    `remove the old key with \`ssh-keygen -f '${file}' -R '${name}'\` and connect again. ` +
    'If nobody changed the server, somebody may be between you and it: do not connect.'
  );
}

/** The type comes from the server's own bytes: shown in printable characters only. */
function print(key: HostKey): { key_type: string; sha256: string } {
  return { key_type: key.type.replace(/[^\x21-\x7e]/g, '?'), sha256: fingerprint(key.blob) };
}

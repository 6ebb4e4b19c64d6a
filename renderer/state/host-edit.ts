import type { Host, HostInput } from '../../preload/contract.ts';

/** Whether a host is to be connected (again) once it was edited: not where nothing about the way to it has changed. */
export function reconnectsAfter({ connection, ...before }: Host, after: HostInput): boolean {
  if (connection.kind === 'disconnected') return false; // it was left on purpose
  return connection.kind !== 'connected' || wayOf(before) !== wayOf(after);
}

type Way = Pick<HostInput, 'address' | 'port' | 'user' | 'auth'>;
const wayOf = ({ address, port, user, auth }: Way) =>
  JSON.stringify([address, port, user, auth.kind, auth.kind === 'key' ? auth.path : null]);

/** What can keep an SSH connection from coming about, in the operator's words. Pure. */
import type { HostAuth } from '../../../preload/contract.ts';
import type { HostKey } from '../known-hosts/known-hosts.ts';

export type SshFailure =
  | { kind: 'key_unknown'; offered: HostKey }
  | { kind: 'key_changed'; offered: HostKey; known: HostKey[] }
  | { kind: 'credentials_needed'; what: 'password' | 'passphrase'; message: string }
  /** `isTransient`: trying again later may succeed without anybody doing anything. */
  | { kind: 'failed'; message: string; isTransient: boolean };

export class SshError extends Error {
  readonly failure: SshFailure;

  constructor(failure: SshFailure, cause?: unknown) {
    super(sentenceOf(failure), { cause });
    this.name = 'SshError';
    this.failure = failure;
  }
}

export interface SshTarget {
  address: string;
  port: number;
  user: string;
}

function sentenceOf(failure: SshFailure): string {
  if (failure.kind === 'key_unknown') return "The server's host key is not known yet; compare its fingerprint and trust it.";
  if (failure.kind === 'key_changed') return "The server's host key is not the one recorded for it.";
  return failure.message;
}

/** What ssh2 and Node say, as a failure with its remedy. `hadHostKey`: the server had shown its key, so the network path works. */
export function explainFailure(error: unknown, target: SshTarget, auth: HostAuth['kind'], hadHostKey: boolean): SshFailure {
  const { code, level, message } = detailsOf(error);
  const where = `${target.address} port ${target.port}`;
  if (level === 'client-authentication') return refusedCredentials(target, auth);
  if (level === 'agent' || message.includes('SSH agent')) {
    return final('The SSH agent did not answer; start it (`eval $(ssh-agent)`, `ssh-add`) and connect again.');
  }
  const network = NETWORK_FAILURES[code];
  // Also a name that is not found: a machine that wakes up asks before its network is there.
  if (network !== undefined) return transient(network(target, where));
  if (level === 'client-timeout' || code === 'HANDSHAKE_TIMEOUT') {
    return transient(
      `${where} accepted the connection but did not finish the SSH handshake in time; is it an SSH server, and is it overloaded?`,
    );
  }
  if (/no matching/i.test(message)) {
    return final(`${where} offers only algorithms that are no longer safe (${clean(message)}); update the SSH server.`);
  }
  if (/connection lost/i.test(message)) return transient(cutConnection(target, where));
  if (level === 'protocol' && !hadHostKey) {
    return final(`What answers at ${where} does not speak SSH 2; check address and port.`);
  }
  return transient(`The connection to ${where} ended: ${clean(message)}.`);
}

type Explain = (target: SshTarget, where: string) => string;
const NETWORK_FAILURES: Record<string, Explain | undefined> = {
  ENOTFOUND: (target) => `The name ${target.address} does not exist in DNS; check the host's address.`,
  EAI_AGAIN: (target) => `The name ${target.address} could not be looked up; check this machine's network and DNS.`,
  ECONNREFUSED: (_, where) => `${where} refused the connection; is the SSH server running there, and is the port right?`,
  ETIMEDOUT: (_, where) => `${where} did not answer; is the server up, and does a firewall let SSH through?`,
  CONNECT_TIMEOUT: (_, where) => `${where} did not answer; is the server up, and does a firewall let SSH through?`,
  EHOSTUNREACH: (_, where) => `There is no way to ${where}; check the server and the network between.`,
  ENETUNREACH: (_, where) => `There is no way to ${where}; is this machine on the network?`,
  ENETDOWN: () => 'This machine is not on the network.',
  ECONNRESET: cutConnection,
  EPIPE: cutConnection,
};

function cutConnection(_: SshTarget, where: string): string {
  return `${where} cut the connection before the login; the SSH server may be down, restarting, or limiting new connections.`;
}

function refusedCredentials(target: SshTarget, auth: HostAuth['kind']): SshFailure {
  const who = `${target.user} at ${target.address}`;
  if (auth === 'password') {
    return {
      kind: 'credentials_needed',
      what: 'password',
      message: `The server refused the password of ${who}; enter it again.`,
    };
  }
  const offered = auth === 'agent' ? 'every key of the SSH agent' : 'the key';
  const remedy =
    auth === 'agent'
      ? 'load the right key with `ssh-add`'
      : `add its public half to ~${target.user}/.ssh/authorized_keys on the server`;
  return final(`The server refused ${offered} for ${who}; check the login name, or ${remedy}.`);
}

function detailsOf(error: unknown): { code: string; level: string; message: string } {
  if (!(error instanceof Error)) return { code: '', level: '', message: String(error) };
  const code = 'code' in error ? String(error.code) : '';
  const level = 'level' in error ? String(error.level) : '';
  return { code, level, message: error.message };
}

/** Text that a server may have chosen: one line, printable, short, without a closing full stop. */
export function clean(text: string): string {
  const printable = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return (printable.length > 300 ? `${printable.slice(0, 300)}…` : printable).replace(/[. ]+$/, '');
}

const final = (message: string): SshFailure => ({ kind: 'failed', message, isTransient: false });
const transient = (message: string): SshFailure => ({ kind: 'failed', message, isTransient: true });

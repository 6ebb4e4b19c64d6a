/** Turns "how the console proves who it is" into what ssh2 offers the server. Reads the key file; asks for what is missing. */
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AuthenticationType, KeyboardInteractiveCallback, ParsedKey, Prompt } from 'ssh2';
import ssh2 from 'ssh2';
import type { Sealed } from '../../../daemon/secrets/sealed.ts';
import type { HostAuth } from '../../../preload/contract.ts';
import { SshError } from './failures.ts';

/** Kept in memory only, for the attempts of one session. */
export interface Credentials {
  password?: Sealed | undefined;
  passphrase?: Sealed | undefined;
}

const KEY_FILE_BYTES_MAX = 256 * 1024;

/** One way to authenticate; the server is offered them in order. */
export type AuthAttempt =
  | { type: 'none'; username: string }
  | { type: 'publickey'; username: string; key: ParsedKey }
  | { type: 'agent'; username: string; agent: string }
  | { type: 'password'; username: string; password: string }
  | {
      type: 'keyboard-interactive';
      username: string;
      prompt: (
        name: string,
        instructions: string,
        language: string,
        prompts: Prompt[],
        finish: KeyboardInteractiveCallback,
      ) => void;
    };

/**
 * The attempts for a login. Throws {@link SshError}: `credentials_needed` for an encrypted key without (or with a wrong) passphrase,
 * `failed` where a key or agent cannot be used. A missing password is no error yet: the host key is looked at first.
 */
export async function prepareAttempts(
  auth: HostAuth,
  user: string,
  credentials: Credentials,
  keys: KeyCache,
): Promise<AuthAttempt[]> {
  switch (auth.kind) {
    case 'key':
      return [{ type: 'publickey', username: user, key: await keys.load(auth.path, credentials.passphrase) }];
    case 'agent':
      return [{ type: 'agent', username: user, agent: agentSocket() }];
    case 'password':
      return credentials.password === undefined
        ? [{ type: 'none', username: user }]
        : passwordAttempts(user, credentials.password.open());
  }
}

/** The order that ssh2 walks through; false when the server accepts none of the rest. */
export function nextAttempt(attempts: AuthAttempt[], methodsLeft: AuthenticationType[] | null): AuthAttempt | false {
  while (attempts.length > 0) {
    const attempt = attempts.shift();
    if (attempt === undefined) break;
    const wireName = attempt.type === 'agent' ? 'publickey' : attempt.type;
    if (methodsLeft === null || attempt.type === 'none' || methodsLeft.includes(wireName)) return attempt;
  }
  return false;
}

/** Servers ask for a password by either method; each gets it once, and only for a single hidden prompt. */
function passwordAttempts(username: string, password: string): AuthAttempt[] {
  let isAnswered = false;
  return [
    { type: 'password', username, password },
    {
      type: 'keyboard-interactive',
      username,
      prompt: (_name, _instructions, _language, prompts, finish) => {
        const asksForPassword = prompts.length === 1 && prompts[0]?.echo !== true && !isAnswered;
        isAnswered ||= asksForPassword;
        finish(asksForPassword ? [password] : prompts.map(() => ''));
      },
    },
  ];
}

/**
 * The key of one host, decrypted. OpenSSH's key format is slow to decrypt on purpose (a second in JavaScript, in which nothing else
 * runs): not again at every reconnect. A file or passphrase that has changed is loaded anew.
 */
export class KeyCache {
  #kept: { content: Buffer; passphrase: Sealed | undefined; key: ParsedKey } | null = null;

  /** Throws {@link SshError}. */
  async load(path: string, passphrase: Sealed | undefined): Promise<ParsedKey> {
    const file = path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
    const content = await readKeyFile(file);
    if (this.#kept?.content.equals(content) && this.#kept.passphrase?.open() === passphrase?.open()) return this.#kept.key;
    const key = parseKey(file, content, passphrase?.open());
    this.#kept = { content, passphrase, key };
    return key;
  }
}

function parseKey(file: string, content: Buffer, passphrase: string | undefined): ParsedKey {
  const parsed = ssh2.utils.parseKey(content, passphrase);
  if (!(parsed instanceof Error)) {
    // Declared as one key; files of the older formats give an array of one.
    const key = Array.isArray(parsed) ? (parsed[0] as ParsedKey | undefined) : parsed;
    if (key?.isPrivateKey()) return key;
    throw failed(`${file} holds a public key; choose the private key beside it (without .pub).`);
  }
  if (/no passphrase given/i.test(parsed.message)) throw passphraseNeeded(`The key ${file} is protected; enter its passphrase.`);
  if (/passphrase|integrity check|decrypt/i.test(parsed.message) && passphrase !== undefined) {
    throw passphraseNeeded(`This is not the passphrase of ${file}; enter it again.`);
  }
  throw failed(`${file} is not a private key that can be read (OpenSSH, PEM or PPK format); choose another file.`, parsed);
}

async function readKeyFile(file: string): Promise<Buffer> {
  try {
    const { size } = await stat(file);
    if (size > KEY_FILE_BYTES_MAX) throw failed(`${file} is too large to be a key; choose another file.`);
    return await readFile(file);
  } catch (error) {
    if (error instanceof SshError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const reason = code === 'ENOENT' ? 'does not exist' : code === 'EACCES' ? 'may not be read by you' : 'cannot be read';
    throw failed(`The key file ${file} ${reason}; choose another one for this host.`, error);
  }
}

function agentSocket(): string {
  const socket = process.env.SSH_AUTH_SOCK;
  if (socket === undefined || socket === '') {
    throw failed('No SSH agent is running (SSH_AUTH_SOCK is not set); start one, or choose a key file for this host.');
  }
  return socket;
}

function failed(message: string, cause?: unknown): SshError {
  return new SshError({ kind: 'failed', message, isTransient: false }, cause);
}

function passphraseNeeded(message: string): SshError {
  return new SshError({ kind: 'credentials_needed', what: 'passphrase', message });
}

/**
 * The core's secrets in the system's keychain. Only Electron's main process reaches the keychain, so the core asks for them over
 * its own port, and the main process keeps them encrypted with the keychain's key. Knows nothing of Electron.
 */
import { z } from 'zod';
import { Sealed } from '../../daemon/secrets/sealed.ts';
import type { SecretStore } from '../core/secret-store.ts';

type Credentials = Parameters<SecretStore['save']>[1];

/** A host's credentials as text: what is encrypted, and what passes between the two processes. */
export interface TextStore {
  load(host: string): Promise<string | null>;
  save(host: string, text: string): Promise<void>;
  forget(host: string): Promise<void>;
}

/** From the core to the main process; answered by a {@link SecretAnswer} with the same id. */
export type SecretRequest =
  | { kind: 'secret'; id: number; act: 'load' | 'forget'; host: string }
  | { kind: 'secret'; id: number; act: 'save'; host: string; text: string };

export type SecretAnswer = { kind: 'secret'; id: number } & ({ ok: true; text: string | null } | { ok: false; message: string });

const PENDING_MAX = 64;
/** A locked keychain asks the operator to unlock it. */
const ANSWER_WAIT_MS_MAX = 60_000;

export interface RemoteSecretStore extends SecretStore {
  /** Takes the main process's answers. */
  receive(answer: SecretAnswer): void;
}

/** The core's end: a store whose every act is a request. Rejects when the main process fails or does not answer in time. */
export function createRemoteSecretStore(send: (request: SecretRequest) => void): RemoteSecretStore {
  const pending = new Map<number, (answer: SecretAnswer) => void>();
  let lastId = 0;

  const ask = (makeRequest: (id: number) => SecretRequest) =>
    new Promise<string | null>((resolve, reject) => {
      if (pending.size >= PENDING_MAX) throw new Error('Too many requests wait for the keychain.');
      lastId += 1;
      const id = lastId;
      const deadline = setTimeout(
        () => settle({ kind: 'secret', id, ok: false, message: 'it did not answer' }),
        ANSWER_WAIT_MS_MAX,
      );
      const settle = (answer: SecretAnswer) => {
        clearTimeout(deadline);
        pending.delete(id);
        if (answer.ok) resolve(answer.text);
        else reject(new Error(`The keychain failed: ${answer.message}`));
      };
      pending.set(id, settle);
      send(makeRequest(id));
    });
  return {
    async load(host) {
      const text = await ask((id) => ({ kind: 'secret', id, act: 'load', host }));
      return text === null ? null : readCredentials(text);
    },
    async save(host, credentials) {
      const text = writeCredentials(credentials);
      await ask((id) => ({ kind: 'secret', id, act: 'save', host, text }));
    },
    async forget(host) {
      await ask((id) => ({ kind: 'secret', id, act: 'forget', host }));
    },
    receive: (answer) => pending.get(answer.id)?.(answer),
  };
}

const credentialsSchema = z.object({ password: z.string().optional(), passphrase: z.string().optional() });

function writeCredentials({ password, passphrase }: Credentials): string {
  return JSON.stringify({ password: password?.open(), passphrase: passphrase?.open() });
}

function readCredentials(text: string): Credentials {
  const { password, passphrase } = credentialsSchema.parse(JSON.parse(text));
  return {
    ...(password === undefined ? {} : { password: new Sealed(password) }),
    ...(passphrase === undefined ? {} : { passphrase: new Sealed(passphrase) }),
  };
}

/** The main process's end. Never rejects: a failure is an answer, without what was to be kept. */
export async function answerSecretRequest(store: TextStore, request: SecretRequest): Promise<SecretAnswer> {
  const { kind, id, host } = request;
  try {
    if (request.act === 'load') return { kind, id, ok: true, text: await store.load(host) };
    if (request.act === 'save') await store.save(host, request.text);
    else await store.forget(host);
    return { kind, id, ok: true, text: null };
  } catch (error) {
    return { kind, id, ok: false, message: error instanceof Error ? error.message : 'unknown error' };
  }
}

/** Electron's `safeStorage`, as far as it is used. */
export interface TextEncryption {
  encrypt(text: string): Promise<Buffer>;
  /** Rejects when the key is another than it was encrypted with. */
  decrypt(encrypted: Buffer): Promise<string>;
}

/** A file of values that may be read by anyone who can read the operator's files. */
export interface ValueStore {
  get(key: string): unknown;
  set(key: string, value: string): void;
  delete(key: string): void;
}

/** Keeps each host's credentials encrypted in `values`, in base64. What can no longer be decrypted is forgotten. */
export function createKeychainStore(encryption: TextEncryption, values: ValueStore): TextStore {
  return {
    async load(host) {
      const stored = values.get(host);
      if (typeof stored !== 'string') return null;
      try {
        return await encryption.decrypt(Buffer.from(stored, 'base64'));
      } catch {
        values.delete(host);
        return null;
      }
    },
    async save(host, text) {
      values.set(host, (await encryption.encrypt(text)).toString('base64'));
    },
    async forget(host) {
      values.delete(host);
    },
  };
}

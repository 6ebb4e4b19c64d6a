/** What the vault, and providers, need of this machine; `host/` implements it. */
import type { ProviderKind, SecretScope } from '../contract/secrets.ts';
import type { WrappedKeys } from './master-key.ts';

/** `owner`: the project or app; empty for the scope global. */
export interface OwnerKey {
  scope: SecretScope;
  owner: string;
}

export interface SecretKey extends OwnerKey {
  name: string;
}

export interface SecretVersion extends SecretKey {
  version: number;
  /** Null: the secret was removed, or this value is not needed any more. */
  sealed: Buffer | null;
  fingerprint: string | null;
  /** The provider it was pulled from; null: it was set by hand. */
  origin: ProviderKind | null;
  created_at: string;
  created_by: string;
}

/** A scope's provider: what may be shown, as JSON, and its credentials. */
export interface ProviderRecord extends OwnerKey {
  settings: string;
  sealed: Buffer;
  set_at: string;
  set_by: string;
  pulled_at: string | null;
}

/** Each writing method is one transaction and on disk when it returns; it throws `unavailable`, having changed nothing, where it cannot write. */
export interface SecretStore {
  readKeys(): WrappedKeys | null;
  /** For a store that has none. */
  putFirstKeys(keys: WrappedKeys): void;
  /** The newest version of each secret, removed ones included. */
  listNewest(): SecretVersion[];
  /** Every version whose value is kept, newest first. */
  listKept(): SecretVersion[];
  get(key: SecretKey, version: number): SecretVersion | null;
  /** Adds versions, and forgets the values that neither the newest `kept` versions nor a release that can serve needs. */
  add(versions: readonly SecretVersion[], kept: number): void;
  /** Takes the keys and each value and credential, sealed anew, in place of those before. */
  replaceAll(keys: WrappedKeys, versions: readonly SecretVersion[], providers: readonly ProviderRecord[]): void;
  listProviders(): ProviderRecord[];
  /** In place of the one that this owner has. */
  putProvider(provider: ProviderRecord): void;
  /** Fine if there is none. */
  removeProvider(owner: OwnerKey): void;
}

/** The file with the master key, and the one beside it that a rotation is under way to. Mode 0400, owned by the daemon's user. */
export interface KeyFiles {
  path: string;
  /** Null: there is none. */
  read(): Promise<string | null>;
  readNext(): Promise<string | null>;
  /** Never over one that is there: resolves with false then. Durable. */
  createFirst(text: string): Promise<boolean>;
  /** Durable. */
  writeNext(text: string): Promise<void>;
  /** The next one becomes the one. Atomic and durable. */
  promoteNext(): Promise<void>;
  /** Fine if it is gone. */
  removeNext(): Promise<void>;
}

export interface HttpRequest {
  method: 'GET' | 'POST';
  url: URL;
  headers: Record<string, string>;
  body?: string | Uint8Array;
}

export type HttpOutcome =
  /** `headers`: by their names in lower case; `wait_ms`: how long it asks to be left alone (Retry-After), null where it does not. */
  | { kind: 'answered'; status: number; headers: Record<string, string>; wait_ms: number | null; body: Buffer }
  /** `is_passing`: the same request may succeed a moment later. */
  | { kind: 'unanswered'; reason: string; is_passing: boolean };

/**
 * The network. An answer beyond `LIMITS.provider_answer_bytes_max`, or one that has not come whole in the time, is none. Follows no redirect,
 * and connects to no link-local address. Rejects with the signal's reason alone.
 */
export interface HttpClient {
  send(request: HttpRequest, time_ms: number, signal: AbortSignal): Promise<HttpOutcome>;
}

export interface ParameterPath {
  region: string;
  path: string;
  endpoint: string | undefined;
  /** Null: the host's own. */
  keys: { access_key_id: string; secret_access_key: string; session_token?: string | undefined } | null;
}

export type ParameterPage =
  | { kind: 'page'; parameters: { name: string; value: string }[]; next_token: string | null }
  /** `name`: Amazon's for the error; `wait_ms`: as asked for, null where it was not. */
  | { kind: 'refused'; name: string; status: number; wait_ms: number | null }
  | Extract<HttpOutcome, { kind: 'unanswered' }>
  | { kind: 'no_credentials' };

/** AWS Systems Manager Parameter Store, a page at a time. Rejects with the signal's reason alone. */
export interface ParameterStore {
  open(path: ParameterPath): ParameterReader;
}

export interface ParameterReader {
  getPage(next_token: string | null, time_ms: number, signal: AbortSignal): Promise<ParameterPage>;
}

export type EncryptedFile = { kind: 'file'; content: Buffer } | { kind: 'refused'; reason: string };

/** Files beneath directories that the server's configuration allows. */
export interface EncryptedFiles {
  /** What keeps a path from ever being read, whether or not there is a file; null: nothing. */
  problemOf(path: string): string | null;
  read(path: string): Promise<EncryptedFile>;
}

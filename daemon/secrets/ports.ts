/** What the vault needs of this machine; `host/` implements it. */
import type { SecretScope } from '../contract/secrets.ts';
import type { WrappedKeys } from './master-key.ts';

/** `owner`: the project or app; empty for the scope global. */
export interface SecretKey {
  scope: SecretScope;
  owner: string;
  name: string;
}

export interface SecretVersion extends SecretKey {
  version: number;
  /** Null: the secret was removed, or this value is not needed any more. */
  sealed: Buffer | null;
  fingerprint: string | null;
  created_at: string;
  created_by: string;
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
  /** Takes the keys and each value, sealed anew, in place of those before. */
  replaceAll(keys: WrappedKeys, versions: readonly SecretVersion[]): void;
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

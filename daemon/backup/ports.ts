/** What backup and restore need of this machine; `host/` implements it, but for what the engine declares already. */
import type { AuditEntry, Token } from '../contract/access.ts';
import type { Journal } from '../engine/ports.ts';
import type { SecretStore } from '../secrets/ports.ts';
import type { TreeName } from './manifest.ts';

/** Where things are on this server. */
export interface Places {
  state_directory: string;
  database: string;
  master_key: string;
  configuration: string;
  /** Fine if they are not there. */
  trees: Record<TreeName, string>;
}

/** A database beside the live one. */
export interface StateDatabase
  extends Pick<Journal, 'listApps' | 'listAllReleases' | 'listPortRoutes' | 'listOperations' | 'getOperation' | 'commit'> {
  secrets: SecretStore;
  access: { listTokens(): (Omit<Token, 'state'> & { hash: string })[] };
  close(): void;
}

/** What is set right in a database before it takes the place of the live one. */
export interface Settlement {
  /** Apps that are not to serve until they are started. Numbers of events and of the audit log go on where the live one's end. */
  stopped: readonly string[];
}

export interface StateDatabases {
  /** A consistent copy of the live one in one file of mode 0600, made while that is in use. Throws `unavailable`. */
  snapshot(path: string): Promise<void>;
  /** Checks it through, and brings an older one up to date. Throws `unprocessable` with what is wrong with it. */
  open(path: string): StateDatabase;
  /** Of a closed one: it is one durable file then. */
  settle(path: string, settlement: Settlement | null): Promise<void>;
  /** The last restore that was asked for, as the audit log of a database that is kept aside has it. */
  lastRestoreIn(path: string): Omit<AuditEntry, 'seq'> | null;
}

export interface FileAttributes {
  mode: number;
  /** Accounts by name; root where this host does not know them. */
  owner: string;
  group: string;
}

/** Paths are beneath the directory, with slashes. */
export interface Tree {
  files: ({ path: string; content: Buffer } & FileAttributes)[];
  links: { path: string; target: string }[];
}

/** Every change is durable when it resolves. Paths are absolute. */
export interface BackupFiles {
  exists(path: string): Promise<boolean>;
  /** Null: there is none. Small files. */
  readText(path: string): Promise<string | null>;
  read(path: string): AsyncIterable<Uint8Array>;
  sizeOf(path: string): Promise<number>;
  /** Regular files and links beneath a directory; none where there is no such directory. Throws `unprocessable` beyond `bytes_max`. */
  readTree(directory: string, bytes_max: number): Promise<Tree>;
  /** Makes it, with its parents; what is there stays. */
  makeDirectory(path: string, mode?: number): Promise<void>;
  /** Gives a new directory mode and owner of another one, where that is there. */
  likeDirectory(path: string, model: string): Promise<void>;
  /** Of a new file. */
  write(path: string, content: AsyncIterable<Uint8Array>, attributes: FileAttributes): Promise<void>;
  link(path: string, target: string): Promise<void>;
  /** Replaces it in one step. Mode 0600. */
  writeRecord(path: string, text: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A file or a directory with all that is in it; fine if it is gone. */
  remove(path: string): Promise<void>;
  /** Names in a directory; none where it is not there. */
  list(directory: string): Promise<string[]>;
  /** Whether rename(2) can move it: it is no mount of its own. True for what is not there. */
  isMovable(path: string): Promise<boolean>;
  freeBytes(directory: string): Promise<number>;
}

/** Of the operator, to whom a file belongs that only the daemon reads. */
export const PRIVATE: FileAttributes = { mode: 0o600, owner: 'root', group: 'root' };

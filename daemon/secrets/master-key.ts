/** The master key: one line of a file of root's, which opens the keys that the database has wrapped. Pure but for random bytes. */
import { createHmac, randomBytes } from 'node:crypto';
import { KEY_BYTES, seal, unseal } from './sealing.ts';

export interface MasterKey {
  /** Says which one it is, and nothing about it. */
  id: string;
  bytes: Buffer;
}

/** What values are sealed with. */
export interface DataKeys {
  value: Buffer;
  /** Stays through rotations, so that fingerprints can be compared across them. */
  fingerprint: Buffer;
}

/** As the database has them. */
export interface WrappedKeys {
  master_key_id: string;
  wrapped: Buffer;
}

const PREFIX = 'nextdeploy-master-key-1:';
const COMMENT = `# Opens the secrets of this server's NextDeploy. Keep a copy where this server cannot lose it: without it they cannot be read.\n`;
const ID_CHARACTERS = 8;

export function makeMasterKey(): MasterKey {
  return named(randomBytes(KEY_BYTES));
}

export function formatMasterKey({ bytes }: MasterKey): string {
  return `${COMMENT}${PREFIX}${bytes.toString('base64url')}\n`;
}

/** Null for what is no master key. */
export function parseMasterKey(text: string): MasterKey | null {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const [line = '', ...more] = lines;
  if (more.length > 0 || !line.startsWith(PREFIX)) return null;
  const bytes = Buffer.from(line.slice(PREFIX.length).trim(), 'base64url');
  return bytes.length === KEY_BYTES ? named(bytes) : null;
}

export function makeDataKeys(fingerprint: Buffer = randomBytes(KEY_BYTES)): DataKeys {
  return { value: randomBytes(KEY_BYTES), fingerprint };
}

export function wrap(master: MasterKey, { value, fingerprint }: DataKeys): WrappedKeys {
  return { master_key_id: master.id, wrapped: seal(master.bytes, aboutKeys(master.id), Buffer.concat([value, fingerprint])) };
}

/** Throws {@link SealBroken}. */
export function unwrap(master: MasterKey, { wrapped }: WrappedKeys): DataKeys {
  const both = unseal(master.bytes, aboutKeys(master.id), wrapped);
  return { value: both.subarray(0, KEY_BYTES), fingerprint: both.subarray(KEY_BYTES) };
}

function aboutKeys(id: string): string[] {
  return ['nextdeploy data keys', '1', id];
}

function named(bytes: Buffer): MasterKey {
  const id = createHmac('sha256', bytes).update('nextdeploy master key id').digest('hex').slice(0, ID_CHARACTERS);
  return { id, bytes };
}

/**
 * Opens the data keys with the master key, and rotates both. The database says which master key its keys are wrapped with, so at every
 * moment of a rotation one of the two files opens it: the next key is on disk before the database turns to it, and takes the other's place
 * after. What cannot be opened is refused; an empty vault in its place would be overwritten by the next deploy.
 */
import { DomainError } from '../contract/errors.ts';
import {
  type DataKeys,
  formatMasterKey,
  type MasterKey,
  makeDataKeys,
  makeMasterKey,
  parseMasterKey,
  unwrap,
  type WrappedKeys,
  wrap,
} from './master-key.ts';
import type { KeyFiles, SecretStore } from './ports.ts';
import { SealBroken } from './sealing.ts';

/** The daemon does not start, and trying again would not mend it: only an operator can. */
export class MasterKeyRefused extends Error {}

export interface OpenKeys {
  master_key_id: string;
  keys: DataKeys;
}

type KeyStore = Pick<SecretStore, 'readKeys' | 'putFirstKeys'>;

/** Throws {@link MasterKeyRefused}. Finishes or takes back a rotation that an earlier run of the daemon did not end. */
export async function openKeyring(files: KeyFiles, store: KeyStore): Promise<OpenKeys> {
  const wrapped = store.readKeys();
  if (wrapped === null) return makeKeyring(files, store);
  const [current, next] = await Promise.all([files.read(), files.readNext()]);
  if (next !== null && parseMasterKey(next)?.id === wrapped.master_key_id) {
    const opened = openWith(parseMasterKey(next), wrapped, files.path);
    await files.promoteNext();
    return opened;
  }
  if (current === null) {
    const message = `The master key ${files.path} is missing, and the secrets of this server are sealed with it (key ${wrapped.master_key_id}). Put it back from your copy.`;
    throw new MasterKeyRefused(`${message} ${STAYS}`);
  }
  const opened = openWith(parseMasterKey(current), wrapped, files.path);
  // The database never turned to it.
  if (next !== null) await files.removeNext();
  return opened;
}

const STAYS = 'The daemon does not start without it and changes nothing; the apps keep serving.';

async function makeKeyring(files: KeyFiles, store: KeyStore): Promise<OpenKeys> {
  await files.removeNext();
  const made = makeMasterKey();
  const text = (await files.createFirst(formatMasterKey(made))) ? formatMasterKey(made) : ((await files.read()) ?? '');
  const master = parseMasterKey(text);
  if (master === null) throw malformed(files.path);
  const keys = makeDataKeys();
  store.putFirstKeys(wrap(master, keys));
  return { master_key_id: master.id, keys };
}

function openWith(master: MasterKey | null, wrapped: WrappedKeys, path: string): OpenKeys {
  if (master === null) throw malformed(path);
  if (master.id !== wrapped.master_key_id) {
    const message = `The master key ${path} is another one (key ${master.id}) than that which the secrets of this server are sealed with (key ${wrapped.master_key_id}). Put that one back from your copy.`;
    throw new MasterKeyRefused(`${message} ${STAYS}`);
  }
  try {
    return { master_key_id: master.id, keys: unwrap(master, wrapped) };
  } catch (cause) {
    if (!(cause instanceof SealBroken)) throw cause;
    const message = `The keys in the database do not open with the master key ${path}: the database is damaged. Restore it from a backup.`;
    throw new MasterKeyRefused(`${message} ${STAYS}`, { cause });
  }
}

function malformed(path: string): MasterKeyRefused {
  return new MasterKeyRefused(`The file ${path} is no master key, or is damaged. Put it back from your copy. ${STAYS}`);
}

/**
 * `reseal` writes everything sealed anew, and the keys, in one transaction; from its end on they are the ones that open it. Throws what the
 * disk throws; where `reseal` had ended, the next start finishes it, and else the keys before hold.
 */
export async function rotate(
  files: KeyFiles,
  { master_key_id, keys }: OpenKeys,
  reseal: (wrapped: WrappedKeys, keys: DataKeys) => void,
): Promise<void> {
  // Of a rotation whose file could not take its place: no other opens the database.
  if (parseMasterKey((await files.readNext()) ?? '')?.id === master_key_id) await promote(files);
  const master = makeMasterKey();
  const next = makeDataKeys(keys.fingerprint);
  await files.writeNext(formatMasterKey(master));
  try {
    reseal(wrap(master, next), next);
  } catch (error) {
    await files.removeNext().catch(() => undefined); // the next start sees that the database never turned to it
    throw error;
  }
  await promote(files);
}

/** The database has turned to the next key already. */
async function promote(files: KeyFiles): Promise<void> {
  try {
    await files.promoteNext();
  } catch (cause) {
    const message = `The secrets are sealed with a new master key, which could not take the place of ${files.path} yet; it is beside it, and the next start of the daemon tries again.`;
    throw new DomainError('unavailable', message, { cause });
  }
}

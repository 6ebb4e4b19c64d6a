/** Writes what the proxies read. */
import type { Readers } from '../proxy/machine.ts';
import { readTextIfThere, writeFileAtomically } from './files.ts';

/** The proxy's user reads them. */
const FILE_MODE = 0o644;
const GROUP_FILE_MODE = 0o640;
const ROOT_FILE_MODE = 0o600;

/** Whole or not at all. Everybody may read it, unless `readers` says who. Rejects when there is no such group. */
export async function writeProxyFile(path: string, content: string, readers?: Readers): Promise<void> {
  if (readers === undefined) await writeFileAtomically(path, content, FILE_MODE);
  else if (readers.group === null) await writeFileAtomically(path, content, ROOT_FILE_MODE);
  else await writeFileAtomically(path, content, GROUP_FILE_MODE, await findGroupId(readers.group));
}

/** Of a group of this host, group(5): a proxy's is the package's. */
async function findGroupId(name: string): Promise<number> {
  const groups = (await readTextIfThere('/etc/group')) ?? '';
  const id = groups
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[0] === name)?.[2];
  if (id === undefined) throw new Error(`there is no group ${name} on this host`);
  return Number(id);
}

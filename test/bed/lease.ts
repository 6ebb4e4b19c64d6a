/** Leases: who uses the private engine. A lease dies with its process (or, detached, lives until `down` or the next reboot). */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BedPaths, runDirectoryOf } from './paths.ts';

export interface Lease {
  id: string;
  label: string;
  /** The machine's boot; a lease of an earlier boot is dead. */
  boot: string;
  /** The owner, named by pid and start time (clock ticks since boot) because pids are used again. null: detached. */
  owner: { pid: number; startTicks: string } | null;
  createdAt: string;
}

/** Makes a lease owned by this process, with its own folder (0700). */
export async function createLease(paths: BedPaths, label: string): Promise<Lease> {
  const startTicks = await startTicksOf(process.pid);
  if (startTicks === undefined) throw new Error('cannot read this process in /proc');
  const lease: Lease = {
    id: randomBytes(4).toString('hex'),
    label,
    boot: await bootId(),
    owner: { pid: process.pid, startTicks },
    createdAt: new Date().toISOString(),
  };
  await mkdir(runDirectoryOf(paths, lease.id), { recursive: true, mode: 0o700 });
  await saveLease(paths, lease);
  return lease;
}

/** Takes the lease away from this process: from now on only `removeLease` or a reboot ends it. */
export async function detachLease(paths: BedPaths, id: string): Promise<void> {
  const lease = await readLease(paths, id);
  if (!lease) throw new Error(`no lease ${id}`);
  await saveLease(paths, { ...lease, owner: null });
}

/** Removes the lease and every file of its folder. */
export async function removeLease(paths: BedPaths, id: string): Promise<void> {
  await rm(runDirectoryOf(paths, id), { recursive: true, force: true });
}

/** Every folder of `runs`: those with a living lease, and the ids of the dead (also folders whose lease is torn or missing). */
export async function listLeases(paths: BedPaths): Promise<{ alive: Lease[]; dead: string[] }> {
  const ids = await readdir(join(paths.state, 'runs')).catch(() => []);
  const alive: Lease[] = [];
  const dead: string[] = [];
  for (const id of ids) {
    const lease = await readLease(paths, id);
    if (lease && (await isAlive(lease))) alive.push(lease);
    else dead.push(id);
  }
  return { alive, dead };
}

async function isAlive(lease: Lease): Promise<boolean> {
  if (lease.boot !== (await bootId())) return false;
  return lease.owner === null || (await startTicksOf(lease.owner.pid)) === lease.owner.startTicks;
}

async function saveLease(paths: BedPaths, lease: Lease): Promise<void> {
  const file = join(runDirectoryOf(paths, lease.id), 'lease.json');
  await writeFile(`${file}.new`, JSON.stringify(lease));
  await rename(`${file}.new`, file);
}

async function readLease(paths: BedPaths, id: string): Promise<Lease | undefined> {
  try {
    // Written by saveLease alone, whole by rename.
    return JSON.parse(await readFile(join(runDirectoryOf(paths, id), 'lease.json'), 'utf8')) as Lease;
  } catch {
    return undefined;
  }
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** Field 22 of /proc/PID/stat (proc(5)); undefined when there is no such process or it is a zombie. */
export async function startTicksOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name in parentheses may hold spaces, so count from behind it: state is field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === '' || fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

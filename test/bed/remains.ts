/** What an engine leaves when it is killed: containerd, containers, mounts, control groups. Only what bears the paths of this engine. */
import { glob, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type BedPaths, enginePaths } from './paths.ts';
import { run, waitFor } from './run.ts';

const END_MS_MAX = 15_000;

/** Ends and removes all of it. To be called only while dockerd is not running; does nothing after an orderly end. */
export async function clearRemains(paths: BedPaths): Promise<void> {
  const { execRoot, dataRoot } = enginePaths(paths);
  const containers = new Set<string>();
  await waitFor(
    'the end of the killed engine’s processes',
    async () => {
      const left = await remainingProcesses(execRoot, containers);
      for (const pid of left) kill(pid);
      return left.length === 0 ? true : undefined;
    },
    { timeoutMs: END_MS_MAX, intervalMs: 20 },
  );
  await unmountBelow([execRoot, dataRoot]);
  // Stale pid files in there make dockerd wait for a containerd that is gone.
  await rm(execRoot, { recursive: true, force: true });
  for (const container of containers) {
    for await (const group of glob(`/sys/fs/cgroup/{docker,*/docker}/${container}`)) await removeControlGroup(group);
  }
}

/** containerd and its shims name the engine's folder in their arguments; what runs in a container is known by its control group. */
async function remainingProcesses(execRoot: string, containers: Set<string>): Promise<number[]> {
  const processes = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(describe));
  const own = processes.filter((process) => process.argv.some((argument) => argument.includes(`${execRoot}/`)));
  for (const { argv } of own) {
    const id = argv[argv.indexOf('-id') + 1];
    if (argv.includes('-id') && id) containers.add(id);
  }
  const inContainer = processes.filter((process) => [...containers].some((id) => process.groups.includes(`/docker/${id}`)));
  return [...own, ...inContainer].map((process) => process.pid);
}

async function describe(name: string): Promise<{ pid: number; argv: string[]; groups: string }> {
  const [command, groups] = await Promise.all(
    ['cmdline', 'cgroup'].map((file) => readFile(`/proc/${name}/${file}`, 'utf8').catch(() => '')),
  );
  // A zombie has no command line any more, and needs no kill.
  return { pid: Number(name), argv: (command ?? '').split('\0'), groups: command ? (groups ?? '') : '' };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

async function unmountBelow(folders: string[]): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  const ours = mounts.filter((mount) => folders.some((folder) => mount === folder || mount.startsWith(`${folder}/`)));
  // Later mounts may stand on earlier ones.
  for (const mount of ours.reverse()) await run('umount', ['--lazy', mount]);
}

async function removeControlGroup(group: string): Promise<void> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeControlGroup(join(group, entry.name));
  await rmdir(group).catch(() => undefined);
}

/** Everything on this machine that bears a bed's mark: for the tests that nothing of it stays behind. */
import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { engineOf } from './engine.ts';
import { bedPaths, runDirectoryOf } from './paths.ts';
import { capture } from './run.ts';

/** The id of the container of bed `id`; throws when there is none. */
export async function containerOf(id: string): Promise<string> {
  const { stdout } = await engineOf(bedPaths(), id).docker(['inspect', '--format', '{{.Id}}', `nextdeploy-bed-${id}`]);
  return stdout.trim();
}

/** One line for each trace of the bed `id` and its `container`; empty when all is gone. */
export async function tracesOf(id: string, container: string): Promise<string[]> {
  const groups = await Promise.all([
    engineTraces(id),
    mountTraces(id, container),
    processTraces(container),
    controlGroupTraces(container),
    [runDirectoryOf(bedPaths(), id), `/sys/class/net/nd-${id}`].filter((path) => existsSync(path)),
  ]);
  return groups.flat();
}

async function engineTraces(id: string): Promise<string[]> {
  const engine = engineOf(bedPaths(), id);
  if (!existsSync(engine.socket)) return [];
  const filter = ['--quiet', '--filter', `label=nextdeploy.lease=${id}`];
  const lists = await Promise.all(
    [
      ['ps', '--all'],
      ['network', 'ls'],
      ['volume', 'ls'],
    ].map((list) => engine.attempt([...list, ...filter])),
  );
  return lists.flatMap((list) => lines(list.stdout)).map((name) => `in the engine: ${name}`);
}

async function mountTraces(id: string, container: string): Promise<string[]> {
  const mounts = lines(await readFile('/proc/self/mountinfo', 'utf8'));
  return mounts.filter((line) => line.includes(id) || line.includes(container)).map((line) => `mount: ${line}`);
}

async function processTraces(container: string): Promise<string[]> {
  const { stdout } = await capture('ps', ['-eo', 'stat,pid,args,cgroup', '--no-headers', '-ww']);
  // A zombie holds nothing; when it is collected is its parent's business, and for orphans init's.
  return lines(stdout)
    .filter((line) => line.includes(container) && !line.startsWith('Z'))
    .map((line) => `process: ${line}`);
}

async function controlGroupTraces(container: string): Promise<string[]> {
  const found: string[] = [];
  for await (const path of glob(`/sys/fs/cgroup/{docker,*/docker}/${container}`)) found.push(`control group: ${path}`);
  return found;
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

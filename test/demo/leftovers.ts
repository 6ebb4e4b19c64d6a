/** What a run left on the machine: looked for by the run's own names, after everything was taken down. */
import { access, readdir, readFile } from 'node:fs/promises';
import { listLeases } from '../bed/lease.ts';
import { bedPaths, enginePaths } from '../bed/paths.ts';

export interface Traces {
  /** Words that only this run's processes, mounts and links carry, such as a bed's id. */
  words: string[];
  /** Files and folders that must be gone. */
  paths: string[];
}

/**
 * One sentence for each trace found; empty when nothing is left. When no other run is alive the private engine
 * itself must be gone too.
 */
export async function findLeftovers(traces: Traces): Promise<string[]> {
  const { alive, dead } = await listLeases(bedPaths());
  const isAlone = alive.length === 0;
  const engine = enginePaths(bedPaths());
  const words = isAlone ? [...traces.words, engine.execRoot] : traces.words;
  const paths = isAlone ? [...traces.paths, engine.dir] : traces.paths;
  const found = await Promise.all([
    processes(words),
    lines('/proc/self/mountinfo', 'mount', words),
    lines('/proc/net/dev', 'network link', words),
    files(paths),
  ]);
  return [...dead.map((id) => `lease ${id} of a dead run`), ...found.flat()];
}

async function processes(words: string[]): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const commands = await Promise.all(
    pids.map(async (pid) => ({
      pid,
      command: (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' '),
    })),
  );
  return commands
    .filter(({ command }) => words.some((word) => command.includes(word)))
    .map(({ pid, command }) => `process ${pid}: ${command.slice(0, 120)}`);
}

async function lines(file: string, kind: string, words: string[]): Promise<string[]> {
  const text = await readFile(file, 'utf8');
  return text
    .split('\n')
    .filter((line) => words.some((word) => line.includes(word)))
    .map((line) => `${kind}: ${line.trim().slice(0, 120)}`);
}

async function files(paths: string[]): Promise<string[]> {
  const there = await Promise.all(
    paths.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return paths.filter((_, index) => there[index]).map((path) => `file ${path}`);
}

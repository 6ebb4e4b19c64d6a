/** Runs programs inside a server by entering its namespaces: a sixth of what `docker exec` takes, and tests do it thousands of times. */
import { readFile } from 'node:fs/promises';
import type { Engine } from './engine.ts';
import { capture, type RunOptions, type RunResult } from './run.ts';

/** In the server, as systemd has them there; nothing of this process's. */
const ENVIRONMENT = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'container=docker'];
const NAMESPACES = ['--mount', '--uts', '--ipc', '--net', '--pid'];
const ENTERED_MS_MAX = 300_000;

interface Init {
  pid: number;
  /** In clock ticks after the machine's start: a pid may be another process's by now. */
  started: string;
}

/** The server's first process, which is another one after each start of its container. */
export class Entrance {
  readonly #engine: Engine;
  readonly #container: string;
  #init: Init | null = null;

  constructor(engine: Engine, container: string) {
    this.#engine = engine;
    this.#container = container;
  }

  /** As root, without a shell. Rejects only when it cannot be run or `timeoutMs` passes; in a server that does not run, the code is not 0. */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const init = await this.#find();
    if (init === null) return { code: 125, stdout: '', stderr: `the server ${this.#container} does not run` };
    const entering = ['--target', String(init.pid), ...NAMESPACES, '--wd', '--', 'env', '-i', ...ENVIRONMENT, ...argv];
    return capture('nsenter', entering, { timeoutMs: ENTERED_MS_MAX, ...options });
  }

  async #find(): Promise<Init | null> {
    if (this.#init !== null && (await startOf(this.#init.pid)) === this.#init.started) return this.#init;
    const { stdout } = await this.#engine.attempt(['inspect', '--format', '{{.State.Pid}}', this.#container]);
    const pid = Number(stdout.trim());
    const started = pid > 0 ? await startOf(pid) : null;
    this.#init = started === null ? null : { pid, started };
    return this.#init;
  }
}

/** Field 22 of proc_pid_stat(5); the second may hold spaces. Null: there is no such process. */
async function startOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

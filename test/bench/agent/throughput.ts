/** Requests per second through a proxy, and the processor time that it took for each. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { startWrk } from '../../load/wrk.ts';
import { CONNECTIONS } from './load.ts';
import type { AgentAnswer, AgentRequest } from './protocol.ts';
import { waitForQuiet } from './quiet.ts';

const execute = promisify(execFile);
/** Linux gives user space 100 a second on every architecture that Debian has (time(7), USER_HZ). */
const TICK_MS = 10;

export async function measureThroughput(
  { load, unit, seconds, quiet_ms_max }: AgentRequest<'throughput'>,
  signal: AbortSignal,
): Promise<AgentAnswer<'throughput'>> {
  const { stdout } = await execute('systemctl', ['show', '--property=MainPID', '--value', unit], { signal });
  const pid = Number(stdout);
  if (!(pid > 0)) throw new Error(`the unit ${unit} does not run`);
  const is_quiet = await waitForQuiet(signal, quiet_ms_max);
  const before = await processorMs(pid);
  const { url, host, wrk: command } = load;
  const wrk = await startWrk({ url, host, connections: CONNECTIONS, seconds_max: seconds, command }).ended;
  const processor_us = ((await processorMs(pid)) - before) * 1000;
  if (wrk.socket_errors_total > 0 || wrk.non_2xx > 0) throw new Error(`requests failed without any change: ${wrk.text}`);
  return { requests_per_second: wrk.requests_per_second, processor_us_per_request: processor_us / wrk.requests, is_quiet };
}

/** Of a process and its children since they began: a proxy's master and workers. */
async function processorMs(pid: number): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  // One that ended meanwhile is not the proxy's.
  const all = await Promise.all(pids.map((name) => processorTime(Number(name)).catch(() => null)));
  const ours = all.filter((process) => process !== null && (process.pid === pid || process.parent === pid));
  return ours.reduce((sum, process) => sum + (process?.ms ?? 0), 0);
}

/** proc_pid_stat(5): after the name, which may hold anything, come state, ppid, … and as the 12th and 13th utime and stime. */
async function processorTime(pid: number): Promise<{ pid: number; parent: number; ms: number }> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { pid, parent: Number(fields[1]), ms: (Number(fields[11]) + Number(fields[12])) * TICK_MS };
}

import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

/** Counters and levels of the machine at one moment, as the kernel keeps them (proc(5)). */
export interface ProcSample {
  cpu: CpuTimes;
  cores: number;
  memory: { total_bytes: number; available_bytes: number };
  disk: { total_bytes: number; free_bytes: number; available_bytes: number };
  network: { received_bytes: number; sent_bytes: number };
  load: [number, number, number];
  uptime_seconds: number;
}

/** Ticks since boot; their unit cancels out. */
export interface CpuTimes {
  total: number;
  idle: number;
}

export interface ProcOptions {
  /** Where the kernel's files are. */
  proc?: string;
  /** The file system that is measured. */
  disk?: string;
}

/** Reads one sample. @throws Error where /proc is not Linux's */
export async function readProc({ proc = '/proc', disk = '/' }: ProcOptions = {}): Promise<ProcSample> {
  const read = (name: string) => readFile(`${proc}/${name}`, 'utf8');
  const [stat, meminfo, net, loadavg, uptime, filesystem] = await Promise.all([
    read('stat'),
    read('meminfo'),
    read('net/dev'),
    read('loadavg'),
    read('uptime'),
    statfs(disk),
  ]);
  return {
    cpu: parseCpuTimes(stat),
    cores: countCores(stat) || availableParallelism(),
    memory: parseMemory(meminfo),
    disk: {
      total_bytes: filesystem.blocks * filesystem.bsize,
      free_bytes: filesystem.bfree * filesystem.bsize,
      available_bytes: filesystem.bavail * filesystem.bsize,
    },
    network: parseNetwork(net),
    load: parseLoad(loadavg),
    uptime_seconds: Number.parseFloat(uptime),
  };
}

/** From /proc/stat. Guest time is counted within user time already; waiting for a disk is idle time. */
export function parseCpuTimes(stat: string): CpuTimes {
  const line = /^cpu +(.+)$/m.exec(stat)?.[1];
  if (line === undefined) throw new Error('/proc/stat has no line of all CPUs');
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line.split(/ +/).map(Number);
  return { total: user + nice + system + idle + iowait + irq + softirq + steal, idle: idle + iowait };
}

export function countCores(stat: string): number {
  return stat.match(/^cpu[0-9]+ /gm)?.length ?? 0;
}

/** From /proc/meminfo. */
export function parseMemory(meminfo: string): ProcSample['memory'] {
  const bytes = (name: string) => {
    const found = new RegExp(`^${name}: +([0-9]+) kB$`, 'm').exec(meminfo)?.[1];
    return found === undefined ? undefined : Number(found) * 1024;
  };
  const total_bytes = bytes('MemTotal') ?? 0;
  return { total_bytes, available_bytes: bytes('MemAvailable') ?? bytes('MemFree') ?? 0 };
}

/**
 * Interfaces whose traffic passes another one that is counted: loopback, container and bridge ends, virtual and VPN
 * interfaces, bonds and VLANs over their members.
 */
const COUNTED_ELSEWHERE =
  /^(?:lo|veth.*|docker.*|br-.*|virbr.*|vnet.*|cni.*|flannel.*|cali.*|dummy.*|ifb.*|tun.*|tap.*|wg.*|bond[0-9]*|.*\..*)$/;

/** From /proc/net/dev: bytes of all physical interfaces together. */
export function parseNetwork(netDev: string): ProcSample['network'] {
  const sum = { received_bytes: 0, sent_bytes: 0 };
  for (const line of netDev.split('\n')) {
    const [, name, figures] = /^ *([^:|\s]+): *(.+)$/.exec(line) ?? [];
    if (name === undefined || figures === undefined || COUNTED_ELSEWHERE.test(name)) continue;
    const columns = figures.trim().split(/ +/).map(Number);
    sum.received_bytes += columns[0] ?? 0;
    sum.sent_bytes += columns[8] ?? 0;
  }
  return sum;
}

/** From /proc/loadavg: over 1, 5 and 15 minutes. */
export function parseLoad(loadavg: string): ProcSample['load'] {
  const [one = 0, five = 0, fifteen = 0] = loadavg.split(' ').map(Number);
  return [one, five, fifteen];
}

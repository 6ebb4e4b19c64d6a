import { describe, expect, it } from 'vitest';
import { countCores, parseCpuTimes, parseLoad, parseMemory, parseNetwork, readProc } from './proc.ts';

const stat = `cpu  100 10 50 800 30 5 3 2 40 0
cpu0 50 5 25 400 15 3 2 1 20 0
cpu1 50 5 25 400 15 2 1 1 20 0
intr 12345
`;

const netDev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 9000000    100    0    0    0     0          0         0  9000000    100    0    0    0     0       0          0
  eth0: 1000      10    0    0    0     0          0         0   2000      20    0    0    0     0       0          0
enp3s0:5        1    0    0    0     0          0         0   7      1    0    0    0     0       0          0
docker0: 777 1 0 0 0 0 0 0 777 1 0 0 0 0 0 0
br-0a1b2c: 777 1 0 0 0 0 0 0 777 1 0 0 0 0 0 0
veth12ab: 777 1 0 0 0 0 0 0 777 1 0 0 0 0 0 0
eth0.100: 777 1 0 0 0 0 0 0 777 1 0 0 0 0 0 0
`;

describe('the parsers of /proc', () => {
  it('count guest time once and waiting for a disk as idle', () => {
    expect(parseCpuTimes(stat)).toEqual({ total: 1000, idle: 830 });
    expect(countCores(stat)).toBe(2);
    expect(() => parseCpuTimes('nothing')).toThrow('no line of all CPUs');
  });

  it('read memory in bytes, and MemFree where an old kernel has no MemAvailable', () => {
    const meminfo = 'MemTotal:        2048 kB\nMemFree:          100 kB\nMemAvailable:     512 kB\n';
    expect(parseMemory(meminfo)).toEqual({ total_bytes: 2048 * 1024, available_bytes: 512 * 1024 });
    expect(parseMemory(meminfo.replace(/MemAvailable.*\n/, ''))).toMatchObject({ available_bytes: 100 * 1024 });
  });

  it('sum physical interfaces only, glued to their colon or not', () => {
    expect(parseNetwork(netDev)).toEqual({ received_bytes: 1005, sent_bytes: 2007 });
  });

  it('read the load', () => {
    expect(parseLoad('0.52 0.58 0.59 1/467 12345\n')).toEqual([0.52, 0.58, 0.59]);
  });
});

describe('reading this machine', () => {
  it('gives plausible figures', async () => {
    const sample = await readProc();
    expect(sample.cpu.total).toBeGreaterThan(sample.cpu.idle);
    expect(sample.cores).toBeGreaterThan(0);
    expect(sample.memory.total_bytes).toBeGreaterThan(sample.memory.available_bytes);
    expect(sample.disk.total_bytes).toBeGreaterThanOrEqual(sample.disk.free_bytes);
    expect(sample.uptime_seconds).toBeGreaterThan(0);
  });
});

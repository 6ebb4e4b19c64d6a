/**
 * The suite `tunnel`: the console's way to a server's sockets, measured against OpenSSH's own client to the same sockets, with the same
 * cipher, alternating.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DaemonClient, unixSocketTransport } from '../../../daemon/api/client.ts';
import { openSsh, type SshConnection } from '../../../main/core/ssh/connection.ts';
import { Tunnel } from '../../../main/core/tunnel.ts';
import { type Bed, startBed } from '../../bed/bed.ts';
import { waitFor } from '../../bed/run.ts';
import { describeSpread, ratioFigure, spreadOf } from '../figures.ts';
import { expectSuccess, installNode, installProgram, REMOTE_NODE, startUnit } from '../server-tools.ts';
import type { BenchContext } from '../suite.ts';
import { type Connect, type Direction, measureBulk } from './bulk.ts';
import { startOpenSsh } from './openssh.ts';

/** The console's first choice (see main/core/ssh), and so OpenSSH's here. */
const CIPHER = 'aes128-gcm@openssh.com';
const REMOTE = { http: '/run/nextdeploy-bench-http.sock', bulk: '/run/nextdeploy-bench-bulk.sock' };
const REQUEST_MS_MAX = 10_000;
const TRANSFER_MS_MAX = 120_000;
const WARM_UP_REQUESTS = 50;

/** The two ways to the same sockets. */
interface Way {
  name: string;
  client: DaemonClient;
  bulk: Connect;
}

export async function measureTunnel(context: BenchContext): Promise<void> {
  const { signal, say } = context;
  const bed = await startBed({ label: 'bench-tunnel', signal, onProgress: say });
  const directory = await mkdtemp(join(tmpdir(), 'nextdeploy-bench-'));
  try {
    await startFarEnd(bed, signal);
    await withWays(bed, directory, signal, async (console_, openssh) => {
      say(`both ways use ${CIPHER}`);
      await measureLatency(context, console_, openssh);
      await measureThroughput(context, console_, openssh);
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
    await bed.stop();
  }
}

async function startFarEnd(bed: Bed, signal: AbortSignal): Promise<void> {
  await installNode(bed);
  const program = await installProgram(bed, 'tunnel/server.ts');
  await startUnit(bed, 'nextdeploy-bench-far-end', [REMOTE_NODE, program, REMOTE.http, REMOTE.bulk]);
  const isThere = async () => (await bed.exec(['test', '-S', REMOTE.http, '-a', '-S', REMOTE.bulk])).code === 0 || undefined;
  await waitFor('the far end', isThere, { timeoutMs: 15_000, signal });
}

async function withWays(
  bed: Bed,
  directory: string,
  signal: AbortSignal,
  work: (console_: Way, openssh: Way) => Promise<void>,
): Promise<void> {
  const target = { address: await directAddress(bed), port: 22, user: bed.ssh.user };
  const knownHosts = `${target.address} ${await expectSuccess(bed, ['cat', '/etc/ssh/ssh_host_ed25519_key.pub'])}`;
  const knownHostsFile = join(directory, 'known_hosts');
  await writeFile(knownHostsFile, knownHosts);
  const local = { http: join(directory, 'http.sock'), bulk: join(directory, 'bulk.sock') };
  const forwards = [
    { local: local.http, remote: REMOTE.http },
    { local: local.bulk, remote: REMOTE.bulk },
  ];
  const reference = await startOpenSsh({ ...target, key: bed.ssh.key, knownHostsFile, cipher: CIPHER, forwards, signal });
  let connection: SshConnection | undefined;
  try {
    connection = await openSsh({ ...target, auth: { kind: 'key', path: bed.ssh.key }, credentials: {}, knownHosts, signal });
    await work(consoleWay(connection), opensshWay(local));
  } finally {
    connection?.close();
    await reference.close();
  }
}

/** Past the published port, whose user-space proxy would slow both ways down and so hide what they differ in. */
async function directAddress(bed: Bed): Promise<string> {
  const text = await expectSuccess(bed, ['ip', '-json', '-4', 'address', 'show', 'dev', 'eth0']);
  const [link] = JSON.parse(text) as { addr_info: { local: string }[] }[];
  const address = link?.addr_info[0]?.local;
  if (address === undefined) throw new Error('the server has no address on its network');
  return address;
}

function consoleWay(connection: SshConnection): Way {
  const bulk = new Tunnel(connection, REMOTE.bulk);
  return {
    name: 'console',
    client: new DaemonClient({ transport: new Tunnel(connection, REMOTE.http) }),
    bulk: (signal) => bulk.connect(signal),
  };
}

function opensshWay(local: { http: string; bulk: string }): Way {
  return {
    name: 'ssh -L',
    client: new DaemonClient({ transport: unixSocketTransport(local.http) }),
    bulk: async () => connectSocket(local.bulk),
  };
}

async function measureLatency({ isQuick, signal, say, emit }: BenchContext, console_: Way, openssh: Way): Promise<void> {
  const [batches, requests] = isQuick ? [4, 25] : [25, 40];
  const times = { console: [] as number[], openssh: [] as number[] };
  for (const way of [console_, openssh]) await requestTimes(way, WARM_UP_REQUESTS, signal);
  for (let batch = 0; batch < batches; batch++) {
    times.openssh.push(...(await requestTimes(openssh, requests, signal)));
    times.console.push(...(await requestTimes(console_, requests, signal)));
  }
  say(`request and answer, console: ${describeSpread(times.console, 'ms')}`);
  say(`request and answer, ssh -L: ${describeSpread(times.openssh, 'ms')}`);
  const measured = { value: spreadOf(times.console).median, reference: spreadOf(times.openssh).median };
  emit(ratioFigure('tunnel.latency', 'ms', measured, { at_most: 1.5 }));
}

async function requestTimes(way: Way, count: number, signal: AbortSignal): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const start = performance.now();
    await way.client.call('getHealth', { signal, timeout_ms: REQUEST_MS_MAX });
    times.push(performance.now() - start);
  }
  return times;
}

async function measureThroughput({ isQuick, signal, say, emit }: BenchContext, console_: Way, openssh: Way): Promise<void> {
  const [rounds, bytes] = isQuick ? [2, 32_000_000] : [7, 256_000_000];
  const results = [];
  for (const direction of ['up', 'down'] as const) {
    const speeds = { console: [] as number[], openssh: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      speeds.openssh.push(await bulkSpeed(openssh, direction, bytes, signal));
      speeds.console.push(await bulkSpeed(console_, direction, bytes, signal));
    }
    say(`bulk ${direction}, console: ${describeSpread(speeds.console, 'MB/s')}`);
    say(`bulk ${direction}, ssh -L: ${describeSpread(speeds.openssh, 'MB/s')}`);
    const measured = { value: spreadOf(speeds.console).median, reference: spreadOf(speeds.openssh).median };
    results.push(ratioFigure('tunnel.bulk', 'MB/s', measured, { at_least: 0.75 }));
  }
  // The worse direction is the figure.
  const [worse] = results.toSorted((a, b) => (a.ratio ?? 0) - (b.ratio ?? 0));
  if (worse) emit(worse);
}

function bulkSpeed(way: Way, direction: Direction, bytes: number, signal: AbortSignal): Promise<number> {
  return measureBulk(way.bulk, direction, bytes, AbortSignal.any([signal, AbortSignal.timeout(TRANSFER_MS_MAX)]));
}

/** Phases a to e: a server, a verified connection, the daemon, the images, the app. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { type Core, createCore } from '../../main/core/core.ts';
import type { CoreLog } from '../../main/core/log.ts';
import { consolePaths } from '../../main/web/paths.ts';
import manifest from '../../package.json' with { type: 'json' };
import type { Host } from '../../preload/contract.ts';
import { buildDaemonTarball } from '../../scripts/dist.ts';
import { type Bed, startBed } from '../bed/bed.ts';
import { acquireEngine } from '../bed/engine.ts';
import { run } from '../bed/run.ts';
import { buildFixtureImages, type FixtureImages, saveImage } from '../fixtures/images.ts';
import type { Traces } from './leftovers.ts';
import type { Phases } from './phases.ts';
import { DOMAIN, expectVersion } from './site.ts';

/** What the operator should know, the console says itself. */
const QUIET: CoreLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

export const APP = 'shop';
export const HOST_NAME = 'demo server';

export interface Demo {
  bed: Bed;
  core: Core;
  hostId: string;
  images: FixtureImages;
  /** This run's files on this machine, the console's among them. */
  directory: string;
}

export interface DemoContext {
  phases: Phases;
  directory: string;
  /** Filled as things are made, so that an interrupted run is searched for leftovers too. */
  traces: Traces;
  progress: (line: string) => void;
  signal: AbortSignal;
}

export async function bringUp(context: DemoContext): Promise<Demo> {
  const { phases, directory } = context;
  const bed = await phases.run('a', 'server', (say) => startServer(context, say));
  const { core, hostId } = await phases.run('b', 'ssh', (say) => connect(context, bed, say));
  await phases.run('c', 'daemon', (say) => install(context, core, hostId, say));
  const images = await phases.run('d', 'images', (say) => sendImages(context, core, hostId, say));
  await phases.run('e', 'deploy', (say) => deploy(context, { bed, core, hostId, images }, say));
  return { bed, core, hostId, images, directory };
}

type Say = (detail: string) => void;

async function startServer({ phases, traces, progress, signal }: DemoContext, say: Say): Promise<Bed> {
  const bed = await startBed({ label: 'demo', onProgress: progress, signal });
  phases.onEnd('server', () => bed.stop());
  traces.words.push(bed.id);
  traces.paths.push(bed.runDirectory);
  say(`Debian ${bed.suite} at ${bed.ssh.user}@${bed.ssh.host}:${bed.ssh.port}`);
  return bed;
}

/** Meets an unknown key, compares it with the server's own, records it, and sees it verified at the second connection. */
async function connect(context: DemoContext, bed: Bed, say: Say): Promise<{ core: Core; hostId: string }> {
  const { phases, directory } = context;
  const core = await openCore(consoleHome(directory));
  phases.onEnd('console', async () => core.close());
  const { id } = await core.hosts.add(hostInput(bed));
  const offered = expectState(await core.hosts.connect(id, {}), 'key_unknown').offered;
  const file = `/etc/ssh/ssh_host_${keyName(offered.key_type)}_key.pub`;
  const { stdout } = await bed.exec(['ssh-keygen', '-l', '-f', file]);
  if (!stdout.includes(offered.sha256))
    throw new Error(`The server's key is ${stdout.trim()}, but ${offered.sha256} was offered.`);
  say(`unknown key ${offered.sha256} recorded`);
  expectState(await core.hosts.trust(id, offered.sha256), 'connected');
  core.hosts.disconnect(id);
  expectState(await core.hosts.connect(id, {}), 'connected');
  say('verified at the second connection');
  await expectChangedKeyRefused(context, bed);
  say('a changed key refused');
  return { core, hostId: id };
}

/** A console that knows another key for this address must not get as far as a login. */
async function expectChangedKeyRefused({ directory, signal }: DemoContext, bed: Bed): Promise<void> {
  const key = join(directory, 'another-key');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key], { signal });
  const { stdout } = await run('cut', ['-d', ' ', '-f', '1,2', `${key}.pub`], { signal });
  const home = join(directory, 'second-home');
  const { knownHostsFile } = consolePaths(process.platform, {}, home);
  await mkdir(dirname(knownHostsFile), { recursive: true });
  await writeFile(knownHostsFile, `[${bed.ssh.host}]:${bed.ssh.port} ${stdout}`);
  const core = await openCore(home);
  try {
    const { id } = await core.hosts.add(hostInput(bed));
    expectState(await core.hosts.connect(id, {}), 'key_changed');
  } finally {
    core.close();
  }
}

/** The home directory of the demo's own console: its hosts and its known_hosts, never the operator's. */
export function consoleHome(directory: string): string {
  return join(directory, 'home');
}

function openCore(home: string): Promise<Core> {
  const tarball: Parameters<typeof createCore>[0]['tarball'] = (arch) => buildDaemonTarball({ arch });
  return createCore({
    ...consolePaths(process.platform, {}, home),
    tarball,
    log: QUIET,
    version: manifest.version,
    shell: 'web',
  });
}

function hostInput(bed: Bed) {
  const { host: address, port, user, key } = bed.ssh;
  return { name: HOST_NAME, address, port, user, auth: { kind: 'key' as const, path: key }, production: false };
}

function keyName(keyType: string): string {
  if (keyType.startsWith('ecdsa')) return 'ecdsa';
  return keyType.includes('rsa') ? 'rsa' : 'ed25519';
}

type ConnectionKind = Host['connection']['kind'];

function expectState<K extends ConnectionKind>(host: Host, kind: K): Extract<Host['connection'], { kind: K }> {
  const { connection } = host;
  if (connection.kind !== kind) {
    throw new Error(`The connection should be ${kind}, but is ${JSON.stringify(connection)}.`);
  }
  // Compared just now; the compiler does not narrow by a type parameter.
  return connection as Extract<Host['connection'], { kind: K }>;
}

async function install({ progress, signal }: DemoContext, core: Core, hostId: string, say: Say): Promise<void> {
  const onStep = (step: { name: string; state: string; detail: string }) =>
    progress(`${step.name}: ${step.state} ${step.detail}`);
  await core.install(hostId, { onStep, signal });
  const version = await core.client(hostId).call('getVersion', { signal });
  say(`nextdeployd ${version.version}, Docker ${version.docker}, ${version.proxy}`);
}

async function sendImages({ progress, signal }: DemoContext, core: Core, hostId: string, say: Say): Promise<FixtureImages> {
  const engine = await acquireEngine({ label: 'demo images', onProgress: progress, signal });
  try {
    const images = await buildFixtureImages(engine, { onProgress: progress, signal });
    for (const image of [images.v1, images.v2]) {
      const archive = Readable.from(await saveImage(engine, image));
      let bytes = 0;
      await core.client(hostId).upload('loadImages', archive, { signal, onProgress: (sent) => (bytes = sent) });
      say(`${image} (${Math.round(bytes / 1e6)} MB)`);
    }
    return images;
  } finally {
    await engine.release();
  }
}

type Parts = Pick<Demo, 'bed' | 'core' | 'hostId' | 'images'>;

async function deploy({ signal }: DemoContext, { bed, core, hostId, images }: Parts, say: Say): Promise<void> {
  const health = { kind: 'http', path: '/api/health' } as const;
  const body = { app_name: APP, image: images.v1, domain: DOMAIN, health, watch_ms: 0 };
  const operation = await core.client(hostId).call('deploy', { query: { wait: 'true' }, body, signal });
  await expectVersion(bed.http, 'v1', signal);
  say(`${operation.release} at ${DOMAIN}, the page says v1 through Caddy`);
}

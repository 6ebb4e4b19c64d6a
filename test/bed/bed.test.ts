import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildTinyImages, saveImage } from '../fixtures/images.ts';
import { type Bed, startBed, sweep } from './bed.ts';
import { acquireEngine } from './engine.ts';
import { listLeases } from './lease.ts';
import { bedPaths } from './paths.ts';
import { waitUntilReady } from './readiness.ts';
import { capture, type RunResult, waitFor } from './run.ts';
import { containerOf, tracesOf } from './traces.ts';

const START_MS_MAX = 15 * 60_000; // a first run builds the server's file system
const STEP_MS_MAX = 60_000;

describe('a server', () => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await startBed({ label: 'bed test' });
  }, START_MS_MAX);
  afterAll(() => bed.stop(), STEP_MS_MAX);

  test('opens to the OpenSSH client as an operator who may use sudo', async () => {
    const result = await ssh(bed, 'id -un; sudo id -un; hostname');
    expect(result).toMatchObject({ code: 0, stdout: `operator\nroot\nbed-test-${bed.id}\n` });
    expect((await stat(bed.ssh.key)).mode & 0o777).toBe(0o600);
  });

  test('serves port 80 by Caddy, and runs no second proxy', async () => {
    const response = await fetch(bed.http);
    expect(response.status).toBe(200);
    expect(response.headers.get('server')).toBe('Caddy');
    expect((await bed.exec(['systemctl', 'is-active', 'nginx'])).stdout.trim()).toBe('inactive');
  });

  test('runs containers at fixed addresses, within memory limits', { timeout: STEP_MS_MAX }, async () => {
    await loadTiny(bed);
    await docker(bed, 'network', 'create', '--subnet', '10.213.0.0/16', 'nextdeploy');
    const place = ['--network', 'nextdeploy', '--ip', '10.213.0.10', '--memory', '96m'];
    await docker(bed, 'run', '--detach', '--name', 'shop', ...place, 'nextdeploy-tiny:v1');
    const answer = await waitFor(
      'the tiny server',
      async () => okText(await bed.exec(['curl', '-sf', 'http://10.213.0.10:3000/'])),
      {
        timeoutMs: 20_000,
      },
    );
    expect(answer).toBe('v1\n');
    const memory = await docker(bed, 'stats', '--no-stream', '--format', '{{.MemUsage}}', 'shop');
    expect(memory.stdout).toContain('/ 96MiB');
  });

  test('kills a container that wants more memory than it may have', { timeout: STEP_MS_MAX }, async () => {
    const limits = ['--memory', '64m', '--env', 'TINY_MEMORY_BYTES=200000000'];
    await docker(bed, 'run', '--detach', '--name', 'glutton', '--network', 'none', ...limits, 'nextdeploy-tiny:v1');
    expect((await docker(bed, 'wait', 'glutton')).stdout.trim()).toBe('137');
    expect((await docker(bed, 'inspect', '--format', '{{.State.OOMKilled}}', 'glutton')).stdout.trim()).toBe('true');
    await docker(bed, 'rm', 'glutton');
  });

  test('shares the folder of the daemon’s socket with this machine', async () => {
    await bed.exec(['tee', '/run/nextdeploy/note'], { input: 'from the server' });
    expect(await readFile(join(bed.runDirectory, 'nextdeploy', 'note'), 'utf8')).toBe('from the server');
  });

  test('takes files, and reports what a program answers', async () => {
    const file = join(bed.runDirectory, 'upload');
    await writeFile(file, 'content');
    await bed.copyIn(file, '/root/upload');
    expect(await bed.exec(['cat', '/root/upload', '/missing'])).toMatchObject({ code: 1, stdout: 'content' });
  });

  test('keeps ports and containers through a reboot', { timeout: 2 * STEP_MS_MAX }, async () => {
    await docker(bed, 'update', '--restart', 'always', 'shop');
    const container = await containerOf(bed.id);
    const engine = await acquireEngine({ label: 'reboot' });
    try {
      await engine.docker(['restart', container]);
    } finally {
      await engine.release();
    }
    await waitUntilReady(bed);
    expect((await ssh(bed, 'true')).code).toBe(0);
    await waitFor(
      'the container after the reboot',
      async () => okText(await bed.exec(['curl', '-sf', 'http://10.213.0.10:3000/'])),
      {
        timeoutMs: 20_000,
      },
    );
  });

  test('leaves nothing behind when it stops, and may be stopped twice', { timeout: STEP_MS_MAX }, async () => {
    const container = await containerOf(bed.id);
    expect(await tracesOf(bed.id, container)).not.toEqual([]);
    await bed.stop();
    expect(await tracesOf(bed.id, container)).toEqual([]);
    await bed.stop();
  });
});

describe('two servers', () => {
  test('do not share keys, ports or containers', { timeout: START_MS_MAX }, async () => {
    const beds = await Promise.all([startBed({ label: 'one' }), startBed({ label: 'two' })]);
    try {
      const [one, two] = beds;
      expect(new Set(beds.flatMap((bed) => [bed.ssh.port, bed.http, bed.https, bed.runDirectory])).size).toBe(8);
      const hostKeys = await Promise.all(beds.map((bed) => bed.exec(['cat', '/etc/ssh/ssh_host_ed25519_key.pub'])));
      expect(new Set(hostKeys.map((key) => key.stdout)).size).toBe(2);
      await docker(one, 'network', 'create', 'only-in-one');
      expect((await docker(two, 'network', 'ls')).stdout).not.toContain('only-in-one');
      expect((await ssh(two, 'true', one.ssh.key)).code).toBe(255);
    } finally {
      await Promise.all(beds.map((bed) => bed.stop()));
    }
  });
});

describe('cleaning up', () => {
  test('a run that was killed is swept at the next start', { timeout: START_MS_MAX }, async () => {
    const program = `import { startBed } from ${JSON.stringify(join(import.meta.dirname, 'bed.ts'))};
      const bed = await startBed({ label: 'killed' }); console.log(bed.id); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const id = await firstLine(child.stdout);
    const container = await containerOf(id);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    expect(await tracesOf(id, container)).not.toEqual([]);
    await sweep();
    expect(await tracesOf(id, container)).toEqual([]);
  });

  test('an aborted start removes what it made', { timeout: START_MS_MAX }, async () => {
    const controller = new AbortController();
    const onProgress = (line: string): void => {
      if (line.startsWith('starting')) setTimeout(() => controller.abort(new Error('enough')), 300);
    };
    await expect(startBed({ label: 'aborted', signal: controller.signal, onProgress })).rejects.toThrow('enough');
    expect(await upWithLabel('aborted')).toEqual([]);
  });

  test('the command line leaves a server up, lists it, and removes it', { timeout: START_MS_MAX }, async () => {
    const up = await command('up', '--json', '--label', 'cli');
    const server = JSON.parse(up.stdout) as { id: string; http: string; ssh: { key: string }; daemon: null };
    expect((await fetch(server.http)).status).toBe(200);
    expect(existsSync(server.ssh.key)).toBe(true);
    expect((await command('ls', '--json')).stdout).toContain(server.id);
    await sweep();
    const container = await containerOf(server.id);
    expect(await command('down', server.id)).toMatchObject({ code: 0, stdout: `removed ${server.id}\n` });
    expect(await tracesOf(server.id, container)).toEqual([]);
    expect(await command('down', server.id)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`No server ${server.id} is up`),
    });
  });

  test('the command line removes what it made when it is interrupted', { timeout: START_MS_MAX }, async () => {
    const child = spawn(process.execPath, [MAIN, 'up', '--label', 'interrupted'], { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    for await (const line of createInterface({ input: child.stderr })) {
      if (line.startsWith('starting')) child.kill('SIGINT');
    }
    expect(await ended).toBe(1);
    expect(await upWithLabel('interrupted')).toEqual([]);
  });
});

const MAIN = join(import.meta.dirname, 'main.ts');

function command(...argv: string[]): Promise<RunResult> {
  return capture(process.execPath, [MAIN, ...argv]);
}

function ssh(bed: Bed, remoteCommand: string, key = bed.ssh.key): Promise<RunResult> {
  const knownHosts = `UserKnownHostsFile=${join(bed.runDirectory, 'known_hosts')}`;
  const options = [
    '-o',
    knownHosts,
    '-o',
    'StrictHostKeyChecking=accept-new',
    '-o',
    'BatchMode=yes',
    '-o',
    'LogLevel=ERROR',
    '-o',
    'IdentitiesOnly=yes',
  ];
  return capture('ssh', [
    '-F',
    'none',
    '-i',
    key,
    '-p',
    String(bed.ssh.port),
    ...options,
    `${bed.ssh.user}@${bed.ssh.host}`,
    remoteCommand,
  ]);
}

async function docker(bed: Bed, ...argv: string[]): Promise<RunResult> {
  const result = await capture('docker', ['--host', `unix://${bed.dockerSocket}`, ...argv]);
  expect(result.code, result.stderr).toBe(0);
  return result;
}

async function loadTiny(bed: Bed): Promise<void> {
  const engine = await acquireEngine({ label: 'tiny image' });
  try {
    const { v1 } = await buildTinyImages(engine);
    const input = (await saveImage(engine, v1)) as AsyncIterable<Buffer>;
    const loaded = await capture('docker', ['--host', `unix://${bed.dockerSocket}`, 'load'], { input });
    expect(loaded.code, loaded.stderr).toBe(0);
  } finally {
    await engine.release();
  }
}

/** The living leases with this label: a bed has one from the first thing it makes to the last thing that is removed. */
async function upWithLabel(label: string): Promise<string[]> {
  return (await listLeases(bedPaths())).alive.filter((lease) => lease.label === label).map((lease) => lease.id);
}

function okText(result: RunResult): string | undefined {
  return result.code === 0 ? result.stdout : undefined;
}

async function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stream })) return line;
  throw new Error('the program ended without a line');
}

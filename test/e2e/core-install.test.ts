/** The installer on a fresh server: what it leaves there, that it may run again, and what happens when it goes wrong. */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readDaemonAccess } from '../../main/core/daemon-access.ts';
import type { DaemonTarball } from '../../main/core/installer/tarball.ts';
import type { InstallStep } from '../../preload/contract.ts';
import { buildDaemonTarball, DIST_CACHE, ROOT, releaseFiles } from '../../scripts/dist.ts';
import { packRelease } from '../../scripts/tarball/pack.ts';
import { findRuntime } from '../../scripts/tarball/runtime.ts';
import { type Bed, startBed } from '../bed/bed.ts';
import { connectToBed, installDaemon } from '../bed/install-daemon.ts';
import { inServer, openChannel, startCore, type TestCore } from './core-harness.ts';

const NEVER = new AbortController().signal;
const STEPS = ['preflight', 'upload', 'verify', 'stage', 'self-test', 'switch', 'start', 'probe'];

let bed: Bed;
let test: TestCore;
let host: string;
let good: DaemonTarball;
/** What the next installation brings. */
let tarball: DaemonTarball;
const site = () => inServer(bed, 'cat', '/etc/caddy/Caddyfile');
let siteBefore: string;

beforeAll(async () => {
  good = await buildDaemonTarball();
  tarball = good;
  bed = await startBed({ label: 'install' });
  siteBefore = await site();
  test = await startCore(async () => tarball);
  host = await connectToBed(test.core, bed);
});
afterAll(async () => {
  await test.close();
  await bed.stop();
});

async function install(): Promise<InstallStep[]> {
  const steps: InstallStep[] = [];
  await test.core.install(host, { onStep: (step) => steps.push(step) });
  return steps;
}

async function token(): Promise<string> {
  const access = await readDaemonAccess(test.core.hosts.session(host).ssh(), NEVER);
  if (access.kind !== 'found') throw new Error(access.message);
  return access.token.open();
}

const runningVersion = async () => (await test.core.client(host).call('getVersion')).version;
const stat = (format: string, path: string) => inServer(bed, 'stat', '-c', format, path);

/** A release whose daemon is this program. */
async function packVersion(version: string, program: string): Promise<DaemonTarball> {
  const files = releaseFiles(Buffer.from(program), Buffer.from(''));
  const runtime = await findRuntime(ROOT, DIST_CACHE, 'x64');
  return packRelease({ version, architecture: 'x64', files, runtime }, test.directory, DIST_CACHE, `${version}.tar.gz`);
}

describe('on a fresh server', () => {
  it('the daemon is absent, and every step of its installation succeeds, seen over the link', async () => {
    expect(test.core.hosts.get(host).daemon.kind).toBe('absent');
    const channel = openChannel(test.core, 'hosts.install', { host });
    await vi.waitFor(() => expect(channel.end).not.toBeUndefined(), { timeout: 120_000 });
    expect(channel.end).toBeNull();
    expect(channel.messages.filter(({ state }) => state === 'done').map(({ name }) => name)).toEqual(STEPS);
    const shares = channel.messages.flatMap(({ progress }) => progress ?? []);
    expect(shares.length).toBeGreaterThan(5);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(test.core.hosts.get(host).daemon).toMatchObject({
      kind: 'ready',
      version: { version: good.version, proxy: expect.stringMatching(/^Caddy \d+\.\d+/) },
    });
  });

  it('leaves exactly what it should, readable by those who should', async () => {
    expect(await stat('%a %U %G', '/etc/nextdeploy')).toBe('751 root nextdeploy');
    expect(await stat('%a %U %G', '/etc/nextdeploy/config.yml')).toBe('640 root nextdeploy');
    expect(await stat('%a %U', '/etc/nextdeploy/master.key')).toBe('400 root');
    expect(await inServer(bed, 'systemctl', 'is-enabled', 'nextdeploy-secrets')).toBe('enabled');
    expect(await stat('%a %U %G', '/run/nextdeploy')).toBe('750 root nextdeploy');
    expect(await stat('%a %U %G', '/run/nextdeploy/nextdeployd.sock')).toBe('660 root nextdeploy');
    expect(await stat('%a %U', '/var/lib/nextdeploy')).toBe('755 root');
    expect(await inServer(bed, 'id', '-nG', 'operator')).toContain('nextdeploy');
    expect(Buffer.from(await token(), 'base64url')).toHaveLength(32);
    expect(await inServer(bed, 'nextdeploy', 'version')).toContain(good.version);
    expect(await inServer(bed, 'ls', '/opt/nextdeploy')).not.toMatch(/incoming|new/);
  });

  it('keeps the Caddyfile that was there, adds one line, and Caddy still serves it', async () => {
    const now = await site();
    expect(now.startsWith(siteBefore)).toBe(true);
    expect(now.slice(siteBefore.length).match(/^import .*$/gm)).toEqual(['import /etc/caddy/nextdeploy/*.caddy']);
    expect(await inServer(bed, 'cat', '/etc/caddy/Caddyfile.before-nextdeploy')).toBe(siteBefore);
    expect((await fetch(bed.http)).status).toBe(200);
  });

  it('confines the service', async () => {
    const expected = {
      NoNewPrivileges: 'yes',
      ProtectSystem: 'strict',
      ProtectHome: 'read-only',
      PrivateTmp: 'yes',
      StartLimitBurst: '5',
      RestartPreventExitStatus: '78',
      Restart: 'on-failure',
    };
    const asked = Object.keys(expected).map((name) => `--property=${name}`);
    const shown = await inServer(bed, 'systemctl', 'show', 'nextdeployd', ...asked);
    expect(Object.fromEntries(shown.split('\n').map((line) => line.split('=')))).toEqual(expected);
    const pid = await inServer(bed, 'systemctl', 'show', '--property=MainPID', '--value', 'nextdeployd');
    expect(await inServer(bed, 'cat', `/proc/${pid}/status`)).toMatch(/NoNewPrivs:\t1[\s\S]*Seccomp:\t2/);
  });

  it('listens on loopback alone', async () => {
    const pid = await inServer(bed, 'systemctl', 'show', '--property=MainPID', '--value', 'nextdeployd');
    const sockets = await inServer(bed, 'ss', '-Hltnp');
    const own = sockets.split('\n').filter((line) => line.includes(`pid=${pid},`));
    expect(own.map((line) => line.split(/\s+/)[3])).toEqual(['127.0.0.1:8371']);
  });
});

describe('a second time', () => {
  it('uploads nothing, keeps the token, and changes nothing else', async () => {
    const before = { token: await token(), site: await site() };
    const steps = await install();
    expect(steps.filter(({ name }) => name === 'upload')).toEqual([
      expect.objectContaining({ state: 'done', detail: expect.stringContaining('there already') }),
    ]);
    expect({ token: await token(), site: await site() }).toEqual(before);
    expect(await runningVersion()).toBe(good.version);
  });

  it('works for root, and for a login whose shell greets every command', async () => {
    await inServer(
      bed,
      'sh',
      '-c',
      "sed -i '1i echo Welcome to this server' /home/operator/.bashrc || echo 'echo Welcome to this server' > /home/operator/.bashrc",
    );
    try {
      expect(await installDaemon(bed, async () => good)).toMatchObject({ token: await token() });
      expect(await installDaemon({ ...bed, ssh: { ...bed.ssh, user: 'root' } }, async () => good)).toMatchObject({
        token: await token(),
      });
    } finally {
      await inServer(bed, 'sed', '-i', '/Welcome to this server/d', '/home/operator/.bashrc');
    }
  });

  it('waits for nobody but a console that is alive', async () => {
    const rival = await startCore(async () => good);
    try {
      const rivalHost = await connectToBed(rival.core, bed);
      const { channel } = await rival.core.hosts
        .session(rivalHost)
        .ssh()
        .openCommand(
          [
            'sudo',
            '-n',
            'flock',
            '/opt/nextdeploy/install.lock',
            'sh',
            '-c',
            'echo rival since noon > /opt/nextdeploy/install.lock; cat',
          ],
          NEVER,
        );
      await vi.waitFor(async () => expect(await inServer(bed, 'cat', '/opt/nextdeploy/install.lock')).toBe('rival since noon'), {
        timeout: 10_000,
      });
      await expect(install()).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('rival since noon') });
      channel.resume();
    } finally {
      // As a console that dies: its lock dies with its connection, though the file still names it.
      await rival.close();
    }
    await vi.waitFor(() => install(), { timeout: 60_000, interval: 1000 });
  });
});

describe('when it goes wrong', () => {
  it('a damaged archive is refused, and the version before goes on', async () => {
    const path = join(test.directory, 'damaged.tar.gz');
    await copyFile(good.path, path);
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
    await writeFile(path, bytes);
    tarball = { ...good, path, contentHash: 'd'.repeat(64) };
    await expect(install()).rejects.toMatchObject({ code: 'unprocessable', message: expect.stringContaining('damaged') });
    expect(await runningVersion()).toBe(good.version);
    expect(await inServer(bed, 'ls', '/opt/nextdeploy')).not.toContain('incoming');
  });

  it('a version that fails its self-test is never switched to', async () => {
    tarball = await packVersion('9.9.8', 'console.error("cannot run here"); process.exit(1);');
    await expect(install()).rejects.toMatchObject({ message: expect.stringContaining('cannot run here') });
    expect(await runningVersion()).toBe(good.version);
    expect(await inServer(bed, 'ls', '/opt/nextdeploy/releases')).not.toContain('9.9.8');
  });

  it('a version that does not come up gives way to the one before, with the journal as evidence', async () => {
    tarball = await packVersion(
      '9.9.9',
      'if (process.argv.includes("--self-test")) console.log("ok"); else { console.error("boom at start"); process.exit(1); }',
    );
    await expect(install()).rejects.toMatchObject({
      code: 'unprocessable',
      message: expect.stringMatching(/9\.9\.9 crashes.*runs again/),
      details: { journal: expect.arrayContaining(['boom at start']) },
    });
    await vi.waitFor(async () => expect(await runningVersion()).toBe(good.version), { timeout: 20_000 });
    expect(await inServer(bed, 'readlink', '/opt/nextdeploy/current')).toContain(good.contentHash.slice(0, 8));
    expect(await inServer(bed, 'ls', '/opt/nextdeploy/releases')).not.toContain('9.9.9');
  });

  it('an upgrade replaces the version, and only the one before is kept', async () => {
    const daemon = await inServer(bed, 'cat', '/opt/nextdeploy/current/nextdeployd.mjs');
    tarball = await packVersion(good.version, `${daemon}\n// another build\n`);
    await install();
    expect(await inServer(bed, 'readlink', '/opt/nextdeploy/current')).toContain(tarball.contentHash.slice(0, 8));
    expect((await inServer(bed, 'ls', '/opt/nextdeploy/releases')).split('\n')).toHaveLength(2);
    expect(await runningVersion()).toBe(good.version);
  });

  it('an old version that cannot be removed is told, and the new one runs', async () => {
    const busy = '/opt/nextdeploy/releases/0.0.1-busy';
    await inServer(bed, 'mkdir', busy);
    await inServer(bed, 'mount', '-t', 'tmpfs', 'none', busy);
    try {
      const steps = await install();
      expect(steps.at(-1)).toMatchObject({
        name: 'probe',
        state: 'done',
        detail: expect.stringContaining('could not all be removed'),
      });
    } finally {
      await inServer(bed, 'umount', busy);
    }
    await install();
    expect(await inServer(bed, 'ls', '/opt/nextdeploy/releases')).not.toContain('busy');
  });

  it('a Caddyfile that Caddy refuses stays as it is, and the installer says where', async () => {
    const now = await site();
    await inServer(bed, 'sh', '-c', "printf 'nonsense {\\n' > /etc/caddy/Caddyfile");
    try {
      await expect(install()).rejects.toMatchObject({ message: expect.stringContaining('/etc/caddy/Caddyfile') });
      expect(await site()).toBe('nonsense {');
    } finally {
      await bed.exec(['tee', '/etc/caddy/Caddyfile'], { input: `${now}\n` });
    }
    expect(await runningVersion()).toBe(good.version);
  });

  it('a Caddyfile that needs the environment of its unit is no hindrance', async () => {
    const now = await site();
    const dropIn =
      '[Service]\nEnvironment=EXTRA=:8099 "MOTTO=a b"\nEnvironmentFile=-/nowhere\nEnvironmentFile=/etc/caddy/extra env\n';
    const own = '{$EXTRA} {\n\trespond "{$MOTTO} {$LAST}"\n}\n';
    const write = (path: string, input: string) => bed.exec(['tee', path], { input });
    await inServer(bed, 'mkdir', '-p', '/etc/systemd/system/caddy.service.d');
    await write('/etc/systemd/system/caddy.service.d/extra.conf', dropIn);
    await write('/etc/caddy/extra env', 'LAST=c\n');
    await write('/etc/caddy/Caddyfile', `${siteBefore}\n${own}`);
    try {
      await inServer(bed, 'systemctl', 'daemon-reload');
      await inServer(bed, 'systemctl', 'restart', 'caddy');
      await install();
      expect(await site()).toContain('import /etc/caddy/nextdeploy/*.caddy');
      expect(await inServer(bed, 'curl', '-s', 'http://127.0.0.1:8099')).toBe('a b c');
    } finally {
      await inServer(bed, 'rm', '/etc/systemd/system/caddy.service.d/extra.conf', '/etc/caddy/extra env');
      await write('/etc/caddy/Caddyfile', `${now}\n`);
      await inServer(bed, 'systemctl', 'daemon-reload');
      await inServer(bed, 'systemctl', 'restart', 'caddy');
    }
  });

  it('a server without Docker or Caddy is told what to install, before anything is touched', async () => {
    await inServer(bed, 'systemctl', 'stop', 'caddy');
    try {
      await expect(install()).rejects.toMatchObject({ message: expect.stringContaining('systemctl enable --now caddy') });
    } finally {
      await inServer(bed, 'systemctl', 'start', 'caddy');
    }
  });
});

/** What the installer does to the proxies and to Docker of a real server. How it installs is in test/e2e/core-install.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDockerSettings, planLiveRestore } from '../../main/core/installer/live-restore.ts';
import { scriptCommand } from '../../main/core/installer/scripts.ts';
import type { DaemonTarball } from '../../main/core/installer/tarball.ts';
import type { InstallStep } from '../../preload/contract.ts';
import { buildDaemonTarball, DIST_CACHE, ROOT, releaseFiles } from '../../scripts/dist.ts';
import { packRelease } from '../../scripts/tarball/pack.ts';
import { findRuntime } from '../../scripts/tarball/runtime.ts';
import { inServer, startCore, type TestCore } from '../e2e/core-harness.ts';
import { buildTinyImages } from '../fixtures/images.ts';
import { type Bed, type Proxies, startBed } from './bed.ts';
import { acquireEngine } from './engine.ts';
import { connectToBed } from './install-daemon.ts';
import { run, waitFor } from './run.ts';

const SITES = '/etc/nginx/conf.d/nextdeploy.conf';
const MAIN = '/etc/nginx/modules-enabled/99-nextdeploy.conf';
const NGINX = '/etc/nginx/nginx.conf';
const DOCKER = '/etc/docker/daemon.json';

interface Stage {
  bed: Bed;
  /** Installs, and resolves with each step's last detail. */
  install(tarball?: DaemonTarball): Promise<Record<string, string>>;
  directory: string;
  end(): Promise<void>;
}

async function stage(proxies: Proxies): Promise<Stage> {
  const good = await buildDaemonTarball();
  let next = good;
  const bed = await startBed({ label: 'installer', proxies });
  const test: TestCore = await startCore(async () => next);
  const host = await connectToBed(test.core, bed);
  return {
    bed,
    directory: test.directory,
    install: async (tarball = good) => {
      next = tarball;
      const steps: InstallStep[] = [];
      await test.core.install(host, { onStep: (step) => steps.push(step) });
      return Object.fromEntries(steps.map(({ name, detail }) => [name, detail]));
    },
    end: async () => {
      await test.close();
      await bed.stop();
    },
  };
}

const read = (bed: Bed, path: string) => inServer(bed, 'cat', path);
const write = (bed: Bed, path: string, input: string) => bed.exec(['tee', path], { input });
const exists = async (bed: Bed, path: string) => (await bed.exec(['test', '-e', path])).code === 0;
const serverOf = async (url: string) => (await fetch(url)).headers.get('server');

describe('beside Caddy and nginx', () => {
  let bed: Bed;
  let install: Stage['install'];
  let set: Stage;
  beforeAll(async () => {
    set = await stage('both');
    ({ bed, install } = set);
  });
  afterAll(() => set.end());

  /** The workers of nginx's present configuration, not those that finish with an old one. */
  const workers = () => inServer(bed, 'pgrep', '--full', 'nginx: worker process$');

  it('both read the daemon’s sites, and go on serving their own', async () => {
    const details = await install();
    expect(details.preflight).toMatch(/Caddy [\d.]+ and nginx 1\.[\d.]+/);
    expect(await read(bed, SITES)).toBe('# The sites of NextDeploy.\ninclude /etc/nginx/nextdeploy/*.conf;');
    expect(await read(bed, '/etc/nextdeploy/config.yml')).toMatch(/^ {2}default: caddy$/m);
    expect(await read(bed, MAIN)).toMatch(/^# .*\nworker_shutdown_timeout 24h;$/);
    expect(await inServer(bed, 'stat', '-c', '%a %U', '/etc/nginx/nextdeploy', SITES, MAIN)).toBe('755 root\n644 root\n644 root');
    expect(await serverOf(bed.http)).toBe('Caddy');
    expect(await serverOf(bed.nginx.http)).toMatch(/^nginx/);
    await write(bed, '/etc/nginx/nextdeploy/a.conf', 'server { listen 8080; server_name a.test; return 204; }');
    await inServer(bed, 'systemctl', 'reload', 'nginx');
    const ask = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '-H', 'Host: a.test', '127.0.0.1:8080'];
    // A reload returns before the new workers answer.
    const answers = async () => ((await inServer(bed, ...ask)) === '204' ? true : undefined);
    await waitFor('the site in our folder', answers, { timeoutMs: 10_000 });
    const before = await workers();
    await inServer(bed, 'rm', '/etc/nginx/nextdeploy/a.conf');
    await inServer(bed, 'systemctl', 'reload', 'nginx');
    const hasRead = async () => {
      const [old, now] = [before.split('\n'), (await workers()).split('\n')];
      return now.length === old.length && !now.some((pid) => old.includes(pid)) ? true : undefined;
    };
    await waitFor('the workers of the new configuration', hasRead, { timeoutMs: 10_000 });
  });

  it('a second time changes nothing, and nginx is not told to read again', async () => {
    const before = [await workers(), await inServer(bed, 'stat', '-c', '%i %y', SITES, MAIN)];
    await install();
    expect([await workers(), await inServer(bed, 'stat', '-c', '%i %y', SITES, MAIN)]).toEqual(before);
    expect(await inServer(bed, 'find', '/etc/nginx', '-name', '*nextdeploy*.*.*')).toBe('');
  });

  it('an upgrade leaves both serving, and the service may write for both', async () => {
    const daemon = await read(bed, '/opt/nextdeploy/current/nextdeployd.mjs');
    const files = releaseFiles(Buffer.from(`${daemon}\n// another build\n`), Buffer.from(''));
    const runtime = await findRuntime(ROOT, DIST_CACHE, 'x64');
    const { version } = await buildDaemonTarball();
    await install(await packRelease({ version, architecture: 'x64', files, runtime }, set.directory, DIST_CACHE, 'next.tar.gz'));
    expect([await serverOf(bed.http), await serverOf(bed.nginx.http)]).toEqual(['Caddy', expect.stringMatching(/^nginx/)]);
    const pid = await inServer(bed, 'systemctl', 'show', '--property=MainPID', '--value', 'nextdeployd');
    const mounts = await read(bed, `/proc/${pid}/mountinfo`);
    for (const folder of ['caddy', 'nginx']) expect(mounts).toMatch(new RegExp(` /etc/${folder}/nextdeploy rw`));
    expect(await inServer(bed, 'systemctl', 'show', '--property=After', 'nextdeployd')).toContain('nginx.service');
  });

  it('the operator’s own worker_shutdown_timeout wins', async () => {
    const before = await read(bed, NGINX);
    await write(bed, NGINX, `worker_shutdown_timeout 5m;\n${before}\n`);
    try {
      await install();
      expect(await exists(bed, MAIN)).toBe(false);
      await inServer(bed, 'nginx', '-t');
    } finally {
      await write(bed, NGINX, `${before}\n`);
    }
  });

  it('what nginx refuses is taken back, and the installer says where to look', async () => {
    const before = await read(bed, NGINX);
    await inServer(bed, 'rm', '-f', SITES, MAIN);
    await write(bed, NGINX, `${before}\nnonsense;\n`);
    try {
      await expect(install()).rejects.toMatchObject({
        message: expect.stringMatching(/nginx\.conf.*unknown directive "nonsense"/),
      });
      expect([await exists(bed, SITES), await exists(bed, MAIN)]).toEqual([false, false]);
      await write(bed, NGINX, `${before.replace(/include .*conf\.d.*\n/, '')}\n`);
      await expect(install()).rejects.toMatchObject({
        message: expect.stringContaining('does not include /etc/nginx/conf.d/*.conf'),
      });
      expect([await exists(bed, SITES), await exists(bed, MAIN)]).toEqual([false, false]);
    } finally {
      await write(bed, NGINX, `${before}\n`);
    }
    expect(await serverOf(bed.nginx.http)).toMatch(/^nginx/);
    await install();
    expect([await exists(bed, SITES), await exists(bed, MAIN)]).toEqual([true, true]);
  });

  it('an nginx that does not run may be in disorder', async () => {
    const before = await read(bed, NGINX);
    await inServer(bed, 'systemctl', 'stop', 'nginx');
    await write(bed, NGINX, 'nonsense;\n');
    try {
      expect((await install()).switch).toContain('left out, as it does not run: nginx');
      expect(await inServer(bed, 'systemctl', 'is-active', 'caddy')).toBe('active');
    } finally {
      await write(bed, NGINX, `${before}\n`);
      await inServer(bed, 'systemctl', 'start', 'nginx');
    }
  });

  describe('Docker', () => {
    const isOn = () => inServer(bed, 'docker', 'info', '--format', '{{.LiveRestoreEnabled}}');
    const setOff = async (content: string | null) => {
      if (content === null) await inServer(bed, 'rm', '-f', DOCKER);
      else await write(bed, DOCKER, content);
      await inServer(bed, 'systemctl', 'restart', 'docker');
    };

    it('keeps containers answering through its restart', { timeout: 120_000 }, async () => {
      expect(await isOn()).toBe('true');
      await loadTiny(bed);
      await inServer(bed, 'docker', 'network', 'create', '--subnet', '10.212.0.0/24', 'shop');
      const place = ['--network', 'shop', '--ip', '10.212.0.10', '--restart', 'unless-stopped'];
      const id = await inServer(bed, 'docker', 'run', '--detach', '--name', 'shop', ...place, 'nextdeploy-tiny:v1');
      const ask = () => bed.exec(['curl', '-sf', '--max-time', '2', 'http://10.212.0.10:3000/']);
      await waitFor('the container', async () => ((await ask()).code === 0 ? true : undefined), { timeoutMs: 20_000 });
      const started = await inServer(bed, 'docker', 'inspect', '--format', '{{.State.StartedAt}}', id);
      let isRestarting = true;
      const restart = inServer(bed, 'systemctl', 'restart', 'docker').finally(() => {
        isRestarting = false;
      });
      const codes: number[] = [];
      do codes.push((await ask()).code);
      while (isRestarting);
      await restart;
      expect(codes.filter((code) => code !== 0)).toEqual([]);
      expect(await inServer(bed, 'docker', 'inspect', '--format', '{{.State.StartedAt}}', id)).toBe(started);
      await inServer(bed, 'docker', 'rm', '--force', 'shop');
    });

    it('keeps its other settings, to the byte', async () => {
      await setOff('{\n  "log-level": "warn"\n}\n');
      expect((await install()).probe).toContain('live-restore');
      expect(await read(bed, DOCKER)).toBe('{\n  "live-restore": true,\n  "log-level": "warn"\n}');
      expect(await isOn()).toBe('true');
    });

    it('gets its file back when it refuses it', async () => {
      const before = '{\n  "no-such-setting": 1\n}';
      await setOff(null);
      await write(bed, DOCKER, before);
      expect((await install()).probe).toMatch(/refused live-restore \(.*no-such-setting.*as it was/);
      expect([await read(bed, DOCKER), await isOn()]).toEqual([before, 'false']);
      expect(await inServer(bed, 'find', '/etc/docker', '-name', '*daemon.json?*')).toBe('');
    });

    /** As the installer would, from what the server itself says. */
    const planned = async () => {
      const { stdout } = await bed.exec(scriptCommand('docker_settings'));
      return planLiveRestore(parseDockerSettings(stdout));
    };

    it('is left alone in a swarm, where it would not start again', async () => {
      await setOff(null);
      await inServer(bed, 'docker', 'swarm', 'init', '--advertise-addr', '127.0.0.1');
      try {
        expect(await planned()).toMatchObject({ kind: 'leave', reason: 'Docker is in a swarm' });
      } finally {
        await inServer(bed, 'docker', 'swarm', 'leave', '--force');
      }
    });

    it('is left alone where its configuration is none that can be read, and the installation stands', async () => {
      await setOff(null);
      expect(await planned()).toMatchObject({ kind: 'write' });
      await write(bed, DOCKER, '{ nonsense');
      expect((await install()).probe).toMatch(/warning: containers will stop while Docker restarts.*not a plain JSON/);
      expect([await read(bed, DOCKER), await isOn()]).toEqual(['{ nonsense', 'false']);
    });
  });
});

describe('with nginx alone', () => {
  let set: Stage;
  beforeAll(async () => {
    set = await stage('nginx');
  });
  afterAll(() => set.end());

  it('a Caddy that does not run is prepared, and not started', async () => {
    const details = await set.install();
    expect(details.preflight).toMatch(/ nginx 1\.[\d.]+/);
    expect(await read(set.bed, '/etc/caddy/Caddyfile')).toContain('import /etc/caddy/nextdeploy/*.caddy');
    expect((await set.bed.exec(['systemctl', 'is-active', 'caddy'])).stdout.trim()).toBe('inactive');
    expect(await serverOf(set.bed.http)).toMatch(/^nginx/);
  });

  it('no Caddy is no hindrance', async () => {
    await inServer(set.bed, 'dpkg', '--purge', 'caddy');
    await inServer(set.bed, 'rm', '-rf', '/etc/caddy');
    await set.install();
    expect(await exists(set.bed, '/etc/caddy')).toBe(false);
    expect(await inServer(set.bed, 'systemctl', 'is-active', 'nextdeployd')).toBe('active');
    expect(await read(set.bed, '/etc/nextdeploy/config.yml')).toMatch(/^proxy:\n.*#.*\n {2}default: nginx$/m);
  });
});

async function loadTiny(bed: Bed): Promise<void> {
  const engine = await acquireEngine({ label: 'installer images' });
  try {
    const { v1 } = await buildTinyImages(engine);
    const pipe = `docker --host unix://${engine.socket} save ${v1} | docker --host unix://${bed.dockerSocket} load`;
    await run('sh', ['-c', pipe], { env: { DOCKER_CONTEXT: '' } });
  } finally {
    await engine.release();
  }
}

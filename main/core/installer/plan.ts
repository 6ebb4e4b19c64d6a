/** Decides, before anything is touched, whether the daemon can be installed on a server and what there is to do. Pure. */
import type { Facts } from './facts.ts';
import type { Architecture, DaemonTarball } from './tarball.ts';

export interface Finding {
  name: 'system' | 'architecture' | 'libc' | 'systemd' | 'tools' | 'root' | 'disk' | 'docker' | 'proxy' | 'clock';
  /** `failed` stops the installation; `warning` is shown. */
  state: 'ok' | 'warning' | 'failed';
  /** What was found and, where it is not ok, what to do. */
  message: string;
}

/** Unpacked release, its archive, and room for the one before. */
const FREE_KIB_MIN = 600 * 1024;
/** Node 24's official builds (its BUILDING.md) need this one. */
const GLIBC_MIN = [2, 28] as const;
/** `Type=exec` and the sandbox settings of our unit. */
const SYSTEMD_MIN = 245;
const CLOCK_SECONDS_MAX = 120;

export function judge(facts: Facts, now_s: number): Finding[] {
  return [
    system(facts),
    architecture(facts),
    libc(facts),
    systemd(facts),
    tools(facts),
    root(facts),
    disk(facts),
    docker(facts),
    proxy(facts),
    clock(facts, now_s),
  ];
}

export function architectureOf(facts: Facts): Architecture | null {
  if (facts.machine === 'x86_64') return 'x64';
  return facts.machine === 'aarch64' ? 'arm64' : null;
}

const PROXY_NAMES = ['caddy', 'nginx'] as const;
type ProxyName = (typeof PROXY_NAMES)[number];

export interface ProxyPlan {
  name: ProxyName;
  /** It runs, so it must accept our sites. One that is only installed is prepared, should it be started some day. */
  isActive: boolean;
}

export interface InstallPlan {
  /** Folder name of the release: `<version>-<first 8 of the content hash>`. */
  release: string;
  /** The release is complete on the server already. */
  isStaged: boolean;
  /** The release is the one in use: installing it again repairs what is around it. */
  isCurrent: boolean;
  /** Another release that runs now, and is returned to if the new one does not; null where there is none. */
  previous: string | null;
  /** The proxies that are made to read our sites. */
  proxies: ProxyPlan[];
  /** The proxy of apps that name none. */
  defaultProxy: ProxyName;
  /** Joins the group `nextdeploy`; null for root, who needs no group. */
  member: string | null;
  /** The login takes its groups when it begins: the console must connect again to have the new one. */
  needsNewLogin: boolean;
}

export function planInstall(facts: Facts, tarball: DaemonTarball): InstallPlan {
  const release = releaseName(tarball);
  const isCurrent = facts.current === release && facts.releases.includes(release);
  return {
    release,
    isStaged: facts.releases.includes(release),
    isCurrent,
    previous: !isCurrent && facts.current !== null && facts.releases.includes(facts.current) ? facts.current : null,
    proxies: proxiesOf(facts).map(({ name, isActive }) => ({ name, isActive })),
    defaultProxy: facts.caddy_active || !facts.nginx_active ? 'caddy' : 'nginx',
    member: facts.root === 'yes' ? null : facts.user,
    needsNewLogin: facts.root !== 'yes' && !facts.groups.includes('nextdeploy'),
  };
}

export function releaseName({ version, contentHash }: Pick<DaemonTarball, 'version' | 'contentHash'>): string {
  if (!/^[0-9A-Za-z.+-]{1,40}$/.test(version) || !/^[0-9a-f]{64}$/.test(contentHash)) throw new Error('not a daemon tarball');
  return `${version}-${contentHash.slice(0, 8)}`;
}

const ok = (name: Finding['name'], message: string): Finding => ({ name, state: 'ok', message });
const failed = (name: Finding['name'], message: string): Finding => ({ name, state: 'failed', message });
const warning = (name: Finding['name'], message: string): Finding => ({ name, state: 'warning', message });

function system({ kernel, os }: Facts): Finding {
  return kernel === 'Linux' ? ok('system', os) : failed('system', `This is ${kernel}; the daemon runs on Linux only.`);
}

function architecture(facts: Facts): Finding {
  if (architectureOf(facts) !== null) return ok('architecture', facts.machine);
  return failed('architecture', `This machine is ${facts.machine}; there are builds for x86_64 and aarch64.`);
}

function libc({ glibc }: Facts): Finding {
  const [major = 0, minor = 0] = (glibc ?? '').split('.').map(Number);
  if (major > GLIBC_MIN[0] || (major === GLIBC_MIN[0] && minor >= GLIBC_MIN[1])) return ok('libc', `glibc ${glibc}`);
  const found = glibc === null ? 'This system has no glibc (Alpine and its like use musl)' : `glibc ${glibc} is too old`;
  return failed('libc', `${found}; use a system with glibc ${GLIBC_MIN.join('.')} or newer, such as Debian 11 or Ubuntu 20.04.`);
}

function systemd({ systemd: version }: Facts): Finding {
  if (version === null) return failed('systemd', 'systemd does not run here; the daemon is a systemd service.');
  if (version < SYSTEMD_MIN) return failed('systemd', `systemd ${version} is too old; ${SYSTEMD_MIN} or newer is needed.`);
  return ok('systemd', `systemd ${version}`);
}

function tools({ missing }: Facts): Finding {
  if (missing.length === 0) return ok('tools', 'all tools there');
  return failed(
    'tools',
    `Missing on the server: ${missing.join(', ')}; install them (packages tar, gzip, coreutils, util-linux).`,
  );
}

function root({ root: reach, user }: Facts): Finding {
  if (reach === 'yes') return ok('root', 'root');
  if (reach === 'sudo') return ok('root', 'sudo without password');
  const remedy = `log in as root, or allow it: echo '${user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/${user}`;
  const found = reach === 'password' ? `sudo asks ${user} for a password` : `${user} is not root and there is no sudo`;
  return failed('root', `${found}; ${remedy}`);
}

function disk({ free_kib }: Facts): Finding {
  const free = `${Math.floor(free_kib / 1024)} MiB free`;
  if (free_kib >= FREE_KIB_MIN) return ok('disk', free);
  return failed('disk', `Only ${free} on the file system of /opt; make room for ${FREE_KIB_MIN / 1024} MiB.`);
}

function docker({ docker_installed, docker: version, root: reach }: Facts): Finding {
  if (version !== null) return ok('docker', `Docker ${version}`);
  if (!docker_installed) return failed('docker', 'Docker is not installed; install it: apt-get install docker.io');
  if (reach === 'password' || reach === 'none')
    return warning('docker', 'Docker is installed; whether it runs cannot be seen without root.');
  return failed('docker', 'Docker is installed but does not answer; start it: systemctl enable --now docker');
}

/** The proxies that are installed, Caddy first. */
function proxiesOf({ caddy, caddy_active, nginx, nginx_active }: Facts): (ProxyPlan & { version: string })[] {
  return [
    ...(caddy === null ? [] : [{ name: 'caddy' as const, version: caddy, isActive: caddy_active }]),
    ...(nginx === null ? [] : [{ name: 'nginx' as const, version: nginx, isActive: nginx_active }]),
  ];
}

const TITLE = { caddy: 'Caddy', nginx: 'nginx' } as const;

function proxy(facts: Facts): Finding {
  const installed = proxiesOf(facts);
  const active = installed.filter(({ isActive }) => isActive);
  if (active.length > 0) return ok('proxy', active.map(({ name, version }) => `${TITLE[name]} ${version}`).join(' and '));
  const ways = PROXY_NAMES.map((name) =>
    installed.some((one) => one.name === name)
      ? `start ${TITLE[name]}: systemctl enable --now ${name}`
      : `install ${TITLE[name]}: apt-get install ${name}`,
  );
  const found = installed.map(({ name }) => TITLE[name]).join(' and ');
  const reason = found === '' ? 'Neither Caddy nor nginx is installed' : `${found} installed, but no proxy runs`;
  return failed('proxy', `${reason}; ${ways.join(', or ')}`);
}

function clock({ now_s }: Facts, own_s: number): Finding {
  const off_s = Math.abs(now_s - own_s);
  if (off_s <= CLOCK_SECONDS_MAX) return ok('clock', 'clock in step');
  return warning(
    'clock',
    `The server's clock differs from this machine's by ${off_s} s; certificates may fail. Run: timedatectl set-ntp true`,
  );
}

/** What a disposable server consists of, per suite. Pure data: its hash names the cached image, so any change builds a new one. */
export const SUITES = ['bookworm', 'trixie', 'sid'] as const;
export type Suite = (typeof SUITES)[number];

export interface Recipe {
  suite: Suite;
  /** Installed by debootstrap. */
  base: readonly string[];
  /** Installed by apt in the new system, without recommendations. */
  packages: readonly string[];
  /** Units that no server starts by itself: the proxies are for each bed to choose, and timers would disturb measurements. */
  disabledUnits: readonly string[];
  /** Units that make no sense in a container and would fail. */
  maskedUnits: readonly string[];
  files: readonly RecipeFile[];
  /** Removed at the end: what every server must make for itself, and what only takes room. */
  removed: readonly string[];
}

export interface RecipeFile {
  path: string;
  mode: number;
  content: string;
}

/**
 * The account that the bed's SSH key opens; it may do everything through sudo without a password, as on a fresh cloud server.
 * Its group is Debian's own static `operator` (37).
 */
export const OPERATOR = { name: 'operator', uid: 1000, gid: 37, home: '/home/operator' } as const;

/** Where the server's Docker shows its second socket, which the bed mounts from this machine. */
export const SERVER_DOCKER_DIRECTORY = '/run/nextdeploy-bed';

const BASE = 'systemd systemd-sysv dbus openssh-server sudo ca-certificates iproute2 iptables procps curl'.split(' ');
const PACKAGES = 'docker.io caddy nginx certbot pebble docker-registry apache2-utils'.split(' ');

export function recipeFor(suite: Suite): Recipe {
  return {
    suite,
    base: BASE,
    // Since trixie the client is a package of its own that docker.io only recommends.
    packages: suite === 'bookworm' ? PACKAGES : [...PACKAGES, 'docker-cli'],
    disabledUnits: [
      'caddy.service',
      'nginx.service',
      'docker-registry.service',
      'certbot.timer',
      'apt-daily.timer',
      'apt-daily-upgrade.timer',
      'e2scrub_all.timer',
      'fstrim.timer',
    ],
    maskedUnits: [
      'console-getty.service',
      'getty@.service',
      'systemd-logind.service',
      'systemd-udevd.service',
      'systemd-udev-trigger.service',
      'systemd-remount-fs.service',
      'systemd-modules-load.service',
      'sys-kernel-debug.mount',
      'sys-kernel-tracing.mount',
      'dev-hugepages.mount',
    ],
    files: [
      { path: '/etc/sudoers.d/operator', mode: 0o440, content: `${OPERATOR.name} ALL=(ALL) NOPASSWD: ALL\n` },
      // Empty, not missing: systemd then makes an id at each first start without treating it as a first boot.
      { path: '/etc/machine-id', mode: 0o444, content: '' },
    ],
    removed: [
      '/etc/ssh/ssh_host_*',
      '/var/lib/dbus/machine-id',
      '/var/lib/apt/lists/*',
      '/var/cache/apt/*.bin',
      '/usr/share/doc/*',
      '/usr/share/man/*',
    ],
  };
}

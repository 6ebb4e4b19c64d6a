/** The `docker create` arguments of a server. Pure. */
import { LEASE_LABEL } from './engine.ts';
import { SERVER_DOCKER_DIRECTORY, type Suite } from './rootfs-recipe.ts';

/** How this machine mounts control groups: all on v2, or on v1 with these folders of /sys/fs/cgroup (`memory`, …, perhaps `unified`). */
export type HostCgroups = { version: 2 } | { version: 1; hierarchies: readonly string[] };

/** The server's ports that are published, by what they serve: nginx has its own where Caddy has 80 and 443. */
const INNER_PORTS = { ssh: 22, http: 80, https: 443, nginx_http: 8080, nginx_https: 8443, registry: 5000 } as const;

export type BedPortName = keyof typeof INNER_PORTS;
// Object.keys loses the type of a constant's keys.
export const BED_PORT_NAMES = Object.keys(INNER_PORTS) as BedPortName[];

/** Ports on 127.0.0.1 of this machine that lead to the server's. */
export type BedPorts = Record<BedPortName, number>;

export interface ServerDescription {
  id: string;
  suite: Suite;
  hostname: string;
  image: string;
  network: string;
  ports: BedPorts;
  /** Folders on this machine that appear in the server as /run/nextdeploy and as the folder of Docker's second socket. */
  mounts: { daemon: string; docker: string };
}

/** Everything for `docker create`, image and command included. */
export function serverArguments(server: ServerDescription, cgroups: HostCgroups): string[] {
  return [
    ...['--name', `nextdeploy-bed-${server.id}`, '--hostname', server.hostname, '--label', `${LEASE_LABEL}=${server.id}`],
    ...['--network', server.network],
    ...BED_PORT_NAMES.flatMap((name) => ['--publish', `127.0.0.1:${server.ports[name]}:${INNER_PORTS[name]}`]),
    ...[
      '--stop-signal',
      'SIGRTMIN+3',
      '--tmpfs',
      '/run',
      '--tmpfs',
      '/run/lock',
      '--tmpfs',
      '/tmp',
      '--volume',
      '/var/lib/docker',
    ],
    ...['--volume', `${server.mounts.daemon}:/run/nextdeploy`, '--volume', `${server.mounts.docker}:${SERVER_DOCKER_DIRECTORY}`],
    ...PRIVILEGES,
    ...controlGroups(server.suite, cgroups),
    server.image,
    ...initCommand(server.suite),
  ];
}

/** Not `--privileged`: that asks for CAP_SYS_RESOURCE, which a machine that is itself confined may not have. */
const PRIVILEGES = [
  ...['--cap-add', 'ALL', '--cap-drop', 'SYS_RESOURCE'],
  ...['seccomp', 'apparmor', 'systempaths'].flatMap((name) => ['--security-opt', `${name}=unconfined`]),
];

/**
 * On v2 a private namespace keeps the server's systemd in its own branch. On v1 it works in the machine's hierarchies, beneath the
 * container's own group; they are mounted one by one on a tmpfs, because systemd puts more folders beside them. systemd since 258
 * (sid) knows only v2: there it gets the machine's `unified` hierarchy, which has no controllers, so containers run without limits.
 */
function controlGroups(suite: Suite, cgroups: HostCgroups): string[] {
  if (cgroups.version === 2) return ['--cgroupns=private'];
  const root = '/sys/fs/cgroup';
  if (suite === 'sid') return ['--cgroupns=host', '--volume', `${root}/unified:${root}:rw`];
  const mounts = cgroups.hierarchies.flatMap((name) => ['--volume', `${root}/${name}:${root}/${name}:rw`]);
  return ['--cgroupns=host', '--tmpfs', `${root}:mode=755`, ...mounts];
}

/**
 * Settings of the Docker in the server (docker.service reads them as an environment file): its second socket, and on v1 a place for the
 * containers' groups beneath the server's own group, so that they go with it. systemd's driver does that only on bookworm: later
 * versions of runc look for the groups at the machine's root.
 */
export function dockerOptions(cgroups: HostCgroups, container: string): string {
  const socket = `-H unix://${SERVER_DOCKER_DIRECTORY}/docker.sock`;
  const groups = `--exec-opt native.cgroupdriver=cgroupfs --cgroup-parent=/docker/${container}/containers`;
  return `DOCKER_OPTS="${socket}${cgroups.version === 1 ? ` ${groups}` : ''}"\n`;
}

function initCommand(suite: Suite): string[] {
  // In a container systemd reads its kernel command line from its arguments; 256 and 257 refuse cgroup v1 without this.
  return suite === 'trixie' ? ['/sbin/init', 'SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1'] : ['/sbin/init'];
}

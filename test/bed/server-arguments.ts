/** The `docker create` arguments of a server. Pure. */
import { LEASE_LABEL } from './engine.ts';
import { SERVER_DOCKER_DIRECTORY, type Suite } from './rootfs-recipe.ts';

export type HostCgroups = 'v1' | 'v2';

/** Ports on 127.0.0.1 of this machine that lead to the server's 22, 80 and 443. */
export interface BedPorts {
  ssh: number;
  http: number;
  https: number;
}

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
    ...Object.entries({ 22: server.ports.ssh, 80: server.ports.http, 443: server.ports.https }).flatMap(([inside, outside]) => [
      '--publish',
      `127.0.0.1:${outside}:${inside}`,
    ]),
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
    ...privileges(cgroups),
    server.image,
    ...initCommand(server.suite),
  ];
}

/**
 * Not `--privileged`: that asks for CAP_SYS_RESOURCE, which a machine that is itself confined may not have. On cgroup v1 systemd works
 * in the host's tree beneath the container's own group; on v2 a private namespace keeps it out of the host's.
 */
function privileges(cgroups: HostCgroups): string[] {
  const unconfined = ['seccomp', 'apparmor', 'systempaths'].flatMap((name) => ['--security-opt', `${name}=unconfined`]);
  const capabilities = ['--cap-add', 'ALL', '--cap-drop', 'SYS_RESOURCE'];
  const groups = cgroups === 'v1' ? ['--cgroupns=host', '--volume', '/sys/fs/cgroup:/sys/fs/cgroup:rw'] : ['--cgroupns=private'];
  return [...capabilities, ...unconfined, ...groups];
}

function initCommand(suite: Suite): string[] {
  // In a container systemd reads its kernel command line from its arguments; since 256 it refuses cgroup v1 without this.
  return suite === 'bookworm' ? ['/sbin/init'] : ['/sbin/init', 'SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1'];
}

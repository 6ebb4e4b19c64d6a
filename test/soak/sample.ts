/** What is counted on the server: everything that a swap takes and has to give back. */
import type { ProxyType } from '../../daemon/contract/names.ts';
import type { Bed } from '../bed/bed.ts';
import { expectSuccess } from '../bench/server-tools.ts';
import type { Tolerance } from './flat.ts';

export interface Resource {
  name: string;
  unit: string;
  tolerance: Tolerance;
}

const NONE: Tolerance = { units: 0 };
/** Programs open and close files as they work. */
const FEW: Tolerance = { units: 5 };
/** Garbage collectors give back late. */
const MEMORY: Tolerance = { units: 8_192, percent: 15 };

/** Docker sweeps these once a minute: as many as a minute has swaps come and go. */
const SWEPT: Tolerance = { units: 60 };

/** In the order in which they are shown. */
export const RESOURCES: readonly Resource[] = [
  { name: 'daemon_fds', unit: 'descriptors', tolerance: FEW },
  { name: 'daemon_rss', unit: 'KiB', tolerance: MEMORY },
  { name: 'proxy_fds', unit: 'descriptors', tolerance: { units: 20 } },
  { name: 'proxy_rss', unit: 'KiB', tolerance: MEMORY },
  { name: 'proxy_processes', unit: 'processes', tolerance: NONE },
  { name: 'dockerd_fds', unit: 'descriptors', tolerance: FEW },
  { name: 'dockerd_rss', unit: 'KiB', tolerance: MEMORY },
  { name: 'containerd_fds', unit: 'descriptors', tolerance: FEW },
  { name: 'containerd_rss', unit: 'KiB', tolerance: MEMORY },
  { name: 'shims', unit: 'processes', tolerance: NONE },
  { name: 'zombies', unit: 'processes', tolerance: NONE },
  { name: 'containers', unit: 'containers', tolerance: NONE },
  { name: 'images', unit: 'images', tolerance: NONE },
  { name: 'volumes', unit: 'volumes', tolerance: NONE },
  { name: 'networks', unit: 'networks', tolerance: NONE },
  { name: 'netns', unit: 'namespaces', tolerance: NONE },
  { name: 'netns_files', unit: 'files', tolerance: SWEPT },
  { name: 'veths', unit: 'interfaces', tolerance: NONE },
  { name: 'mounts', unit: 'mounts', tolerance: NONE },
  { name: 'firewall', unit: 'rules', tolerance: NONE },
  { name: 'docker_disk', unit: 'KiB', tolerance: { units: 1_024 } },
  { name: 'proxy_files', unit: 'files', tolerance: NONE },
  { name: 'state_files', unit: 'files', tolerance: NONE },
];

/** Prints `NAME VALUE` lines. Argument: the proxy's unit. Memory and files of a service are those of all its processes. */
const SCRIPT = `
unit() {
  fds=0 rss=0 count=0
  for pid in $(cat "/sys/fs/cgroup/systemd$(systemctl show -p ControlGroup --value "$2")/cgroup.procs" 2>/dev/null ||
    cat "/sys/fs/cgroup$(systemctl show -p ControlGroup --value "$2")/cgroup.procs"); do
    count=$((count + 1))
    fds=$((fds + $(ls "/proc/$pid/fd" 2>/dev/null | wc -l)))
    rss=$((rss + $(sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p' "/proc/$pid/status" 2>/dev/null || echo 0)))
  done
  echo "$1_fds $fds"; echo "$1_rss $rss"; echo "$1_processes $count"
}
count() { echo "$1 $(wc -l)"; }
unit daemon nextdeployd
unit proxy "$1"
unit dockerd docker
pid=$(systemctl show -p MainPID --value containerd)
echo "containerd_fds $(ls "/proc/$pid/fd" | wc -l)"
echo "containerd_rss $(sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p' "/proc/$pid/status")"
echo "shims $(pgrep -c containerd-shim)"
ps -eo stat | { grep ^Z || true; } | count zombies
docker ps --all --quiet | count containers
docker images --all --quiet --no-trunc | sort -u | count images
docker volume ls --quiet | count volumes
docker network ls --quiet | count networks
lsns --type net --noheadings | count netns
ls /run/docker/netns | count netns_files
ls /sys/class/net | { grep ^veth || true; } | count veths
count mounts < /proc/mounts
{ iptables-save; ip6tables-save; } 2>/dev/null | { grep ^-A || true; } | count firewall
echo "docker_disk $(du -skx /var/lib/docker | cut -f 1)"
find "/etc/$1/nextdeploy" -type f | count proxy_files
find /var/lib/nextdeploy -type f ! -name 'nextdeploy.db*' | count state_files
echo "state_disk $(du -sk /var/lib/nextdeploy | cut -f 1)"`;

/** One value for each resource, and `state_disk` in KiB. Throws when one is missing. */
export async function takeSample(bed: Bed, proxy: ProxyType): Promise<ReadonlyMap<string, number>> {
  const text = await expectSuccess(bed, ['sh', '-euc', SCRIPT, 'sample', proxy], { timeoutMs: 60_000 });
  const sample = new Map(text.split('\n').flatMap((line): [string, number][] => pair(line)));
  const missing = [...RESOURCES.map(({ name }) => name), STATE_DISK].filter((name) => !Number.isFinite(sample.get(name)));
  if (missing.length > 0) throw new Error(`the sample lacks ${missing.join(', ')}`);
  return sample;
}

/** Grows until as many operations and events are kept as the daemon keeps; judged by what a swap adds. */
export const STATE_DISK = 'state_disk';

function pair(line: string): [string, number][] {
  const [name, value] = line.split(' ');
  return name && value ? [[name, Number(value)]] : [];
}

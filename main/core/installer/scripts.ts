/**
 * What the installer runs on a server: POSIX sh, fixed texts. What varies comes as arguments, never as part of a script. Each may run
 * twice, runs as root with `sh -euc`, and ends with 0 or says why on stderr. Durable before it counts: data is synced, then renamed.
 */

import { INCLUDE_IN_CADDY, INCLUDE_IN_NGINX } from './proxy-scripts.ts';

export const PATHS = {
  root: '/opt/nextdeploy',
  releases: '/opt/nextdeploy/releases',
  current: '/opt/nextdeploy/current',
  lock: '/opt/nextdeploy/install.lock',
  /** In a release: written last, once everything in it was verified. */
  complete_mark: '.complete',
  archive: '/opt/nextdeploy/incoming.tar.gz',
} as const;

export type ScriptName = keyof typeof SCRIPTS;

/** The argument array that runs a script. */
export function scriptCommand(name: ScriptName, ...args: string[]): string[] {
  return ['sh', '-euc', `${SBIN}${SCRIPTS[name]}`, 'nextdeploy-install', ...args];
}

/** A login over SSH, and sudo where it has no `secure_path`, may lack the folders of system programs. */
const SBIN = 'PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH\n';

const SCRIPTS = {
  /**
   * lock FILE OWNER. Says `locked` and holds the lock while its input gives a line at least every 30 s: a console that dies, or loses
   * its connection, loses its lock. Where somebody else holds it: says who, since when, and exits 75.
   */
  lock: `
mkdir -p "\${1%/*}"
exec 9<>"$1"
flock -n 9 || { cat <&9; exit 75; }
printf '%s\\n' "$2" > "$1"
echo locked
while timeout 30 sh -c 'read -r _'; do :; done
: > "$1"`,

  /** receive FILE: stores its input. */
  receive: `umask 077; mkdir -p "\${1%/*}"; cat > "$1"`,

  /** verify FILE SHA256 */
  verify: `
actual=$(sha256sum "$1" | cut -d ' ' -f 1)
[ "$actual" = "$2" ] && exit 0
rm -f "$1"
echo "it arrived with checksum $actual instead of $2" >&2
exit 1`,

  /** stage ARCHIVE RELEASE MARK: unpacks beside, checks every file, then gives it its name. */
  stage: `
umask 022
rm -rf "$2.new"
mkdir -p "$2.new"
tar -xzf "$1" -C "$2.new" --no-same-owner
cd "$2.new"
sha256sum --check --quiet --strict SHA256SUMS >&2
touch "$3"
sync -f .
cd /
rm -rf "$2"
mv -T "$2.new" "$2"
rm -f "$1"`,

  /** discard RELEASE: removes what did not pass its self-test, unless it is in use. */
  discard: `
[ "$(readlink /opt/nextdeploy/current 2>/dev/null)" = "releases/\${1##*/}" ] || rm -rf "$1"`,

  /** self_test RELEASE */
  self_test: `exec timeout 60 "$1/bin/nextdeployd" --self-test`,

  /** configure MEMBER (empty: nobody) PROXY: group, folders, and a configuration with a fresh token where there is none. */
  configure: `
umask 027
getent group nextdeploy >/dev/null || groupadd --system nextdeploy
[ -z "$1" ] || id -nG "$1" | tr ' ' '\\n' | grep -qx nextdeploy || usermod -aG nextdeploy "$1"
install -d -m 0751 -o root -g nextdeploy /etc/nextdeploy
install -d -m 0755 /var/lib/nextdeploy
if [ ! -s /etc/nextdeploy/config.yml ]; then
  new=$(mktemp /etc/nextdeploy/.config.XXXXXX)
  {
    echo '# Configuration of nextdeployd. The token opens everything: whoever can read this file administers this server.'
    echo 'auth:'
    printf '  token: "%s"\\n' "$(head -c 32 /dev/urandom | base64 -w 0 | tr '+/' '-_' | tr -d '=')"
    printf 'proxy:\\n  # Of apps that name none.\\n  default: %s\\n' "$2"
  } > "$new"
  chown root:nextdeploy "$new"
  chmod 0640 "$new"
  sync "$new"
  mv "$new" /etc/nextdeploy/config.yml
fi
mkdir -p /usr/local/bin
ln -sfn /opt/nextdeploy/current/bin/nextdeploy /usr/local/bin/nextdeploy.new
mv -T /usr/local/bin/nextdeploy.new /usr/local/bin/nextdeploy`,

  include_in_caddy: INCLUDE_IN_CADDY,
  include_in_nginx: INCLUDE_IN_NGINX,

  /**
   * docker_settings: prints what says whether Docker can keep containers through its own restart; see live-restore.ts. Of a configuration
   * file the first 64 KiB: a longer one is not JSON any more, and left alone.
   */
  docker_settings: `
file=/etc/docker/daemon.json
printf 'live_restore=%s\\n' "$(docker info --format '{{.LiveRestoreEnabled}}' 2>/dev/null)"
printf 'swarm=%s\\n' "$(docker info --format '{{.Swarm.LocalNodeState}}' 2>/dev/null)"
if [ -L "$file" ]; then echo file=link
elif [ -e "$file" ]; then printf 'file=there\\ncontent=%s\\n' "$(head -c 65536 "$file" | base64 -w 0)"
else echo file=absent; fi`,

  /** live_restore: its input becomes Docker's configuration file, which comes back as it was unless Docker says that it took it over. */
  live_restore: `
file=/etc/docker/daemon.json
umask 022
mkdir -p /etc/docker
new=$(mktemp /etc/docker/.daemon.json.XXXXXX)
trap 'rm -f "$new"' EXIT
cat > "$new"
chmod 0644 "$new"
rm -f "$file.old"
if [ -e "$file" ]; then
  chown --reference="$file" "$new"
  chmod --reference="$file" "$new"
  cp -p "$file" "$file.old"
fi
sync "$new"
mv "$new" "$file"
if systemctl reload docker; then
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    [ "$(docker info --format '{{.LiveRestoreEnabled}}' 2>/dev/null)" != true ] || { rm -f "$file.old"; exit 0; }
    sleep 0.5
  done
fi
if [ -e "$file.old" ]; then mv "$file.old" "$file"; else rm -f "$file"; fi
systemctl reload docker || true
journalctl -u docker -n 50 --no-pager -o cat | grep -F 'level=error' | tail -n 1 >&2
exit 1`,

  /** switch RELEASE_NAME: makes it the current one, and its unit files systemd's; an earlier one may have fewer. */
  switch: `
cd /opt/nextdeploy
ln -sfn "releases/$1" current.new
mv -T current.new current
for unit in nextdeployd nextdeploy-secrets; do
  if [ -e "current/$unit.service" ]; then
    install -m 0644 "current/$unit.service" "/etc/systemd/system/.$unit.service.new"
    mv "/etc/systemd/system/.$unit.service.new" "/etc/systemd/system/$unit.service"
  else
    systemctl disable --quiet "$unit" 2>/dev/null || true
    rm -f "/etc/systemd/system/$unit.service"
  fi
done
sync -f /opt/nextdeploy
systemctl daemon-reload`,

  /** start */
  start: `
systemctl reset-failed nextdeployd 2>/dev/null || true
systemctl enable --quiet nextdeployd
[ ! -e /etc/systemd/system/nextdeploy-secrets.service ] || systemctl enable --quiet nextdeploy-secrets
systemctl restart nextdeployd`,

  /** condition: prints how the service is and how often systemd has restarted it since it was started. */
  condition: `exec systemctl show nextdeployd --property=ActiveState,NRestarts`,

  /** remove_service: for a first installation that does not work. Configuration and state stay. */
  remove_service: `
systemctl disable --now --quiet nextdeployd nextdeploy-secrets 2>/dev/null || true
rm -f /etc/systemd/system/nextdeployd.service /etc/systemd/system/nextdeploy-secrets.service /opt/nextdeploy/current
systemctl daemon-reload`,

  /** prune KEPT...: removes the releases not named, and what earlier attempts left. */
  prune: `
cd /opt/nextdeploy/releases
for release in * .[!.]*; do
  [ -e "$release" ] || continue
  kept=
  for name in "$@"; do [ "$release" = "$name" ] && kept=yes; done
  [ -n "$kept" ] || rm -rf "./$release"
done
rm -f ../incoming.tar.gz ../current.new`,

  /** journal */
  journal: `exec journalctl -u nextdeployd -n 20 --no-pager -o cat`,
} as const;

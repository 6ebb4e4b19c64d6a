/** The first look at a server: a script that only reads, and what its lines mean. */
import { z } from 'zod';
import { clean } from '../ssh/failures.ts';

/**
 * POSIX sh; prints `name=value` lines. Run as the login user: it finds out itself whether root is within reach, and uses it only to look.
 * The arguments are the folder of releases and the mark of a complete release.
 */
export const FACTS_SCRIPT = `
set -u
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
say() { printf '%s=%s\\n' "$1" "$2"; }
say kernel "$(uname -s)"
say machine "$(uname -m)"
say user "$(id -un)"
say uid "$(id -u)"
say groups "$(id -Gn)"
root=
if [ "$(id -u)" = 0 ]; then say root yes
elif sudo -n true 2>/dev/null; then say root sudo; root='sudo -n'
elif command -v sudo >/dev/null 2>&1; then say root password
else say root none; fi
say os "$(. /etc/os-release 2>/dev/null && printf '%s' "\${PRETTY_NAME:-}")"
say glibc "$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d ' ' -f 2)"
if [ -d /run/systemd/system ]; then say systemd "$(systemctl --version 2>/dev/null | head -n 1 | cut -d ' ' -f 2)"; fi
say now "$(date +%s)"
opt=/opt; [ -d /opt ] || opt=/
say free_kib "$(df -Pk "$opt" | tail -n 1 | tr -s ' ' | cut -d ' ' -f 4)"
for tool in tar gzip sha256sum flock timeout systemd-run; do command -v "$tool" >/dev/null 2>&1 || say missing "$tool"; done
if [ -S /var/run/docker.sock ] || command -v dockerd >/dev/null 2>&1; then
  say docker_installed yes
  say docker "$($root docker version --format '{{.Server.Version}}' 2>/dev/null)"
fi
if command -v caddy >/dev/null 2>&1; then
  say caddy "$(caddy version 2>/dev/null | head -n 1 | cut -d ' ' -f 1)"
  systemctl is-active --quiet caddy 2>/dev/null && say caddy_active yes
fi
if command -v nginx >/dev/null 2>&1; then
  say nginx "$(nginx -v 2>&1 | sed -n 's|.*nginx/\\([^ ]*\\).*|\\1|p' | head -n 1)"
  systemctl is-active --quiet nginx 2>/dev/null && say nginx_active yes
fi
say current "$(readlink /opt/nextdeploy/current 2>/dev/null)"
for mark in "$1"/*/"$2"; do [ -f "$mark" ] && { release="\${mark%/*}"; say release "\${release##*/}"; }; done
exit 0
`;

const line = z.string().max(200);

const factsSchema = z.object({
  kernel: line,
  machine: line,
  user: line,
  groups: z.array(line),
  /** How root can be reached: it is the login, by sudo, by sudo with a password (which we cannot type), or not at all. */
  root: z.enum(['yes', 'sudo', 'password', 'none']),
  os: line,
  glibc: line.nullable(),
  systemd: z.coerce.number().int().nullable(),
  now_s: z.coerce.number().int(),
  free_kib: z.coerce.number().int().nonnegative(),
  missing: z.array(line),
  docker_installed: z.boolean(),
  docker: line.nullable(),
  caddy: line.nullable(),
  caddy_active: z.boolean(),
  nginx: line.nullable(),
  nginx_active: z.boolean(),
  /** Names of complete releases under /opt/nextdeploy/releases, and the one in use. */
  releases: z.array(line),
  current: line.nullable(),
});
export type Facts = z.infer<typeof factsSchema>;

/** Throws when the output is not the script's. */
export function parseFacts(output: string): Facts {
  const values = new Map<string, string[]>();
  for (const text of output.split('\n').slice(0, 1000)) {
    const at = text.indexOf('=');
    if (at > 0) values.set(text.slice(0, at), [...(values.get(text.slice(0, at)) ?? []), clean(text.slice(at + 1))]);
  }
  const first = (name: string) => values.get(name)?.[0] || null;
  return factsSchema.parse({
    kernel: first('kernel'),
    machine: first('machine'),
    user: first('user'),
    groups: (first('groups') ?? '').split(' '),
    root: first('root'),
    os: first('os') ?? 'an unnamed system',
    glibc: first('glibc'),
    systemd: first('systemd'),
    now_s: first('now'),
    free_kib: first('free_kib') ?? 0,
    missing: values.get('missing') ?? [],
    docker_installed: first('docker_installed') === 'yes',
    docker: first('docker'),
    caddy: first('caddy'),
    caddy_active: first('caddy_active') === 'yes',
    nginx: first('nginx'),
    nginx_active: first('nginx_active') === 'yes',
    releases: values.get('release') ?? [],
    current: first('current')?.split('/').at(-1) ?? null,
  });
}

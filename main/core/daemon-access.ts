/** What the console must know to talk to a host's daemon: its socket and token, read from the server's own configuration at connect. */
import { parse } from 'yaml';
import { z } from 'zod';
import { DAEMON_CONFIG_PATH, DAEMON_SOCKET_PATH, LIMITS } from '../../daemon/contract/limits.ts';
import { Sealed } from '../../daemon/secrets/sealed.ts';
import type { SshConnection } from './ssh/connection.ts';
import { runCommand } from './ssh/run.ts';

export type DaemonAccess =
  | { kind: 'found'; token: Sealed; socketPath: string }
  | { kind: 'absent'; message: string }
  | { kind: 'denied'; message: string };

/** What comes before it is the login shell's own greeting. */
const MARK = '--- nextdeploy configuration ---';
const EXIT_ABSENT = 44;
const EXIT_DENIED = 45;

/** Reads it as a member of the group `nextdeploy`, else through sudo; the group may be newer than this login. */
const READ_CONFIG = `
say() { echo '${MARK}'; exec "$@"; }
[ -r "$1" ] && say cat "$1"
if sudo -n true 2>/dev/null; then
  sudo -n test -e "$1" || exit ${EXIT_ABSENT}
  say sudo -n cat "$1"
fi
[ -e /opt/nextdeploy/current ] && exit ${EXIT_DENIED}
exit ${EXIT_ABSENT}`;

/** More fields may be there: the daemon checks its own configuration. */
const configSchema = z.object({
  auth: z.object({ token: z.string().min(LIMITS.token_characters_min).max(4096) }),
  listen: z.object({ socket: z.string().startsWith('/').max(107).default(DAEMON_SOCKET_PATH) }).prefault({}),
});

export async function readDaemonAccess(ssh: SshConnection, signal: AbortSignal): Promise<DaemonAccess> {
  const { code, stdout } = await runCommand(ssh, ['sh', '-c', READ_CONFIG, 'sh', DAEMON_CONFIG_PATH], { signal });
  if (code === EXIT_ABSENT) return { kind: 'absent', message: 'The daemon is not installed on this host yet; install it.' };
  if (code !== 0) {
    const message = `You may not read ${DAEMON_CONFIG_PATH} on the server; have an administrator add your login to the group nextdeploy, then connect again.`;
    return { kind: 'denied', message };
  }
  const parsed = configSchema.safeParse(parseYaml(stdout.slice(stdout.indexOf(MARK) + MARK.length)));
  if (!parsed.success)
    return { kind: 'denied', message: `${DAEMON_CONFIG_PATH} on the server is damaged; install the daemon again, or repair it.` };
  return { kind: 'found', token: new Sealed(parsed.data.auth.token), socketPath: parsed.data.listen.socket };
}

function parseYaml(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0 }) as unknown;
  } catch {
    return undefined;
  }
}

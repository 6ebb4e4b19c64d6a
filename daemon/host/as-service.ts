/** Runs a program as a systemd unit's own would run: its user and environment. Pure; systemd itself carries the values over. */

/** What `systemctl show` must be asked for. */
export const SERVICE_PROPERTIES = 'User,Environment,EnvironmentFiles';

export interface ServiceRun {
  argv: readonly string[];
  cwd: string;
  /** systemd ends the program after it. */
  deadlineMs: number;
  /** The program, and nobody else, sees the files of `directory` at `at`. */
  sees?: { directory: string; at: string };
}

/**
 * The command, by systemd-run(1), from what `systemctl show --property=User,Environment,EnvironmentFiles` printed. `Environment` is
 * handed back as it was printed: systemd reads its own quoting.
 */
export function asService(shown: string, { argv, cwd, deadlineMs, sees }: ServiceRun): string[] {
  const lines = shown.split('\n');
  const all = (name: string) => lines.filter((line) => line.startsWith(`${name}=`)).map((line) => line.slice(name.length + 1));
  const environment = all('Environment').filter((value) => value !== '');
  const files = all('EnvironmentFiles').map((line) => {
    const path = line.replace(/ \(ignore_errors=(yes|no)\)$/, '');
    return line.endsWith('=yes)') ? `-${path}` : path;
  });
  const properties = [
    `User=${all('User')[0] || 'root'}`,
    `WorkingDirectory=${cwd}`,
    `RuntimeMaxSec=${Math.ceil(deadlineMs / 1000)}`,
    ...environment.map((value) => `Environment=${value}`),
    ...(sees === undefined ? [] : [`BindReadOnlyPaths=${sees.directory}:${sees.at}`]),
    ...files.filter((file) => file !== '').map((file) => `EnvironmentFile=${file}`),
  ];
  const flags = ['--quiet', '--wait', '--pipe', '--collect', ...properties.map((property) => `--property=${property}`)];
  return ['systemd-run', ...flags, '--', ...argv];
}

/** Runs a program as a systemd unit's own would run. */
import type { ProxyRun } from '../proxy/machine.ts';
import { asService, SERVICE_PROPERTIES } from './as-service.ts';
import { type RunResult, runProgram } from './processes.ts';

const SHOW_MS_MAX = 10_000;

/**
 * With `asService`, as the unit's user and with its environment: a check as root would make log files and storage that the proxy itself
 * cannot open afterwards, and without the unit's environment it would see another configuration than the proxy does.
 */
export async function runForProxy(
  service: string,
  argv: readonly [string, ...string[]],
  { asService: isService = false, sees, ...options }: ProxyRun,
): Promise<RunResult> {
  const [file, ...args] = argv;
  if (!isService || (process.getuid?.() !== 0 && sees === undefined)) return runProgram(file, args, options);
  const { signal, deadlineMs, cwd = '/' } = options;
  const shown = await runProgram('systemctl', ['show', `--property=${SERVICE_PROPERTIES}`, service], { signal, deadlineMs });
  if (shown.code !== 0) return shown;
  const [runner = '', ...rest] = asService(shown.output, { argv, cwd, deadlineMs, ...(sees === undefined ? {} : { sees }) });
  return runProgram(runner, rest, options);
}

/** The name of the user that a unit runs as; also of one that is not there. */
export async function findServiceUser(service: string, signal: AbortSignal): Promise<string> {
  const { output } = await runProgram('systemctl', ['show', '--property=User', service], { signal, deadlineMs: SHOW_MS_MAX });
  return /^User=(.+)$/m.exec(output)?.[1] ?? 'root';
}

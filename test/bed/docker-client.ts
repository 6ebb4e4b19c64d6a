/** The docker client, pointed at the private engine. */
import { join } from 'node:path';
import { type BedPaths, enginePaths } from './paths.ts';
import { capture, type RunOptions, type RunResult, run } from './run.ts';

const CLIENT_MS_MAX = 300_000;

/** Runs the docker client; throws with the end of its output when it fails. */
export function docker(paths: BedPaths, argv: readonly string[], options?: RunOptions): Promise<RunResult> {
  return run('docker', ...clientCall(paths, argv, options));
}

/** Like `docker`, but a failure is a result. */
export function attemptDocker(paths: BedPaths, argv: readonly string[], options?: RunOptions): Promise<RunResult> {
  return capture('docker', ...clientCall(paths, argv, options));
}

function clientCall(paths: BedPaths, argv: readonly string[], options: RunOptions = {}): [string[], RunOptions] {
  const { socket, dir } = enginePaths(paths);
  // An own, empty client configuration: neither the user's contexts nor credentials matter here.
  const env = { DOCKER_CONFIG: join(dir, 'client'), DOCKER_HOST: '', DOCKER_CONTEXT: '', DOCKER_BUILDKIT: '0', ...options.env };
  return [['--host', `unix://${socket}`, ...argv], { timeoutMs: CLIENT_MS_MAX, ...options, env }];
}

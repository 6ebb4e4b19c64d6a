/** What goes on beside requests: the app network, recovery, then looking after the apps and the images. */
import type { Log } from './api/log.ts';
import type { Aftermath } from './backup-services.ts';
import type { Engine } from './engine/engine.ts';
import type { PortRoutes } from './engine/port-routes.ts';
import type { Retention } from './engine/retention.ts';
import type { Supervisor } from './engine/supervisor.ts';
import { systemClock } from './host/clock.ts';
import type { Docker } from './host/docker.ts';
import type { SecretFiles } from './host/secret-files.ts';

export interface Background {
  docker: Docker;
  engine: Engine;
  portRoutes: PortRoutes;
  supervisor: Supervisor;
  retention: Retention;
  secret_files: SecretFiles;
  /** Of a restore. */
  aftermath: Aftermath;
  log: Log;
  /** The daemon stops. */
  signal: AbortSignal;
}

const DOCKER_RETRY_MS = 2_000;
const RETENTION_PAUSE_MS = 60 * 60_000;

/** Must not keep the API from answering. Never rejects; resolves when the daemon stops. */
export async function runBackground({
  docker,
  engine,
  portRoutes,
  supervisor,
  retention,
  secret_files,
  aftermath,
  log,
  signal,
}: Background): Promise<void> {
  const prepared = prepareNetwork(docker, log, signal).then(() => aftermath.prepare(signal));
  // An operation in its watch window has an hour to go, maybe: the others are not to wait for it. Apps with an operation are left alone.
  const recovery = engine
    .recover(prepared)
    .catch((err: unknown) => {
      if (!signal.aborted) log.error({ err }, 'recovery failed');
    })
    .then(() => (signal.aborted ? undefined : aftermath.finish(signal)));
  // They need no Docker.
  const routes = portRoutes.recover();
  await prepared;
  if (signal.aborted) return void (await Promise.all([recovery, routes]));
  supervisor.start(signal);
  await sweepSecrets(docker, secret_files, log, signal);
  while (!signal.aborted) {
    await retention.run(signal).catch(() => undefined); // it logs its failures itself
    await systemClock.sleep(RETENTION_PAUSE_MS, signal).catch(() => undefined);
  }
  await Promise.all([recovery, routes]);
}

/** What an earlier run of the daemon could not take away with its container. */
async function sweepSecrets(docker: Docker, files: SecretFiles, log: Log, signal: AbortSignal): Promise<void> {
  try {
    await files.sweep(async () => new Set((await docker.containers.list(signal)).map(({ name }) => name)));
  } catch (err) {
    if (!signal.aborted) log.warn({ err }, 'could not look for files of secrets that are left over');
  }
}

async function prepareNetwork(docker: Docker, log: Log, signal: AbortSignal): Promise<void> {
  for (let count = 1; !signal.aborted; count += 1) {
    try {
      await docker.ensureNetwork(signal);
      return;
    } catch (err) {
      if (count === 1 && !signal.aborted) log.error({ err }, 'the app network cannot be set up yet');
      await systemClock.sleep(DOCKER_RETRY_MS, signal).catch(() => undefined);
    }
  }
}

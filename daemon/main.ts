/** nextdeployd: reads its arguments and configuration, runs the daemon until SIGTERM, and ends with an exit code systemd understands. */
import packageJson from '../package.json' with { type: 'json' };
import { createOpenApi } from './api/openapi.ts';
import { type Config, ConfigError, parseConfig } from './config.ts';
import { DomainError } from './contract/errors.ts';
import { DAEMON_CONFIG_PATH } from './contract/limits.ts';
import { placeSecretFiles, type RunningDaemon, startDaemon } from './daemon.ts';
import { readTextIfThere } from './host/files.ts';
import { Store } from './host/store.ts';
import { createLog } from './log.ts';
import { MasterKeyRefused } from './secrets/keyring.ts';

/** sysexits.h: the unit does not restart after this one, because only an operator can change it. */
const EX_CONFIG = 78;
const EX_USAGE = 64;
/** sysexits.h: not done yet. The unit starts the daemon again, with what was restored. */
const EX_TEMPFAIL = 75;
const CLOSE_MS_MAX = 8_000;

const USAGE = `nextdeployd: runs the apps of this server

  --config PATH   default ${DAEMON_CONFIG_PATH}
  --version       print the version
  --self-test     load every part, print ok and end
  --place-secrets write the secrets of containers that have them as files, and end: before Docker starts
`;

async function main(args: readonly string[]): Promise<number | undefined> {
  const [flag, value] = args;
  if (flag === '--version' && args.length === 1) return print(`${packageJson.version}\n`);
  if (flag === '--self-test' && args.length === 1) return selfTest();
  if (flag === '--help' && args.length === 1) return print(USAGE);
  if (flag === '--place-secrets' && args.length === 1)
    return begin(DAEMON_CONFIG_PATH, (config, log) => placeSecretFiles(config, log).then(() => 0));
  const isConfig = args.length === 0 || (flag === '--config' && value !== undefined && args.length === 2);
  if (!isConfig) {
    process.stderr.write(USAGE);
    return EX_USAGE;
  }
  return serve(value ?? DAEMON_CONFIG_PATH);
}

/** Undefined while the daemon runs. */
function serve(file: string): Promise<number | undefined> {
  return begin(file, async (config, log) => {
    const restart = () => void starting.then((daemon) => end(daemon, EX_TEMPFAIL, 'starting anew with what was restored', log));
    const starting = startDaemon(config, log, { config_file: file, version: packageJson.version, restart });
    const daemon = await starting;
    const { socket, host, port } = config.listen;
    // Whoever reads `ready` may send a signal at once.
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.on(signal, () => end(daemon, 0, 'stopping; apps keep running', log));
    log.info({ version: packageJson.version, socket, tcp: `${host}:${port}` }, 'ready');
    return undefined;
  });
}

/** With the exit code of what keeps it from beginning. */
async function begin(
  file: string,
  body: (config: Config, log: ReturnType<typeof createLog>) => Promise<number | undefined>,
): Promise<number | undefined> {
  const log = createLog((line) => process.stdout.write(line));
  try {
    return await body(parseConfig(await readTextIfThere(file), file), log);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof MasterKeyRefused) {
      process.stderr.write(`${error.message}\n`);
      return EX_CONFIG;
    }
    log.error({ err: error }, error instanceof DomainError ? error.message : 'the daemon cannot start');
    return 1;
  }
}

const ending = new WeakSet<RunningDaemon>();

/** Closes it and ends the process with this code, the first time. */
function end(daemon: RunningDaemon, code: number, why: string, log: ReturnType<typeof createLog>): void {
  if (ending.has(daemon)) return;
  ending.add(daemon);
  log.info({}, why);
  // Everything that matters is in the journal already: what hangs is not waited for.
  setTimeout(() => process.exit(code), CLOSE_MS_MAX).unref();
  daemon.close().then(
    () => process.exit(code),
    (err: unknown) => {
      log.error({ err }, 'did not stop cleanly');
      process.exit(code);
    },
  );
}

/** What the installer asks a new version before it switches to it: that this runtime loads all of it and its database works. */
function selfTest(): number {
  const store = new Store(':memory:');
  store.listApps();
  store.close();
  createOpenApi(packageJson.version);
  return print('ok\n');
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

const code = await main(process.argv.slice(2));
if (code !== undefined) process.exitCode = code;

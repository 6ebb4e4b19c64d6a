/** `npm run bed`: disposable servers to play with, or to test against from outside. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command, Option } from 'commander';
import { type Bed, keepBed, listBeds, startBed, sweep } from './bed.ts';
import { SUITES, type Suite } from './rootfs-recipe.ts';
import { PROXIES, type Proxies } from './server-proxies.ts';

interface UpOptions {
  suite: Suite;
  proxies: Proxies;
  daemon?: boolean;
  json?: boolean;
  label: string;
}

interface DaemonAccess {
  socket: string;
  token: string;
}

const program = new Command('npm run bed --').description(
  'Disposable Debian servers: systemd, sshd, Docker, Caddy, nginx. Everything on 127.0.0.1.',
);

program
  .command('up')
  .description('start a server and leave it running')
  .addOption(new Option('--suite <suite>', 'Debian suite').choices(SUITES).default('bookworm'))
  .addOption(new Option('--proxies <which>', 'with both, nginx listens on 8080 and 8443').choices(PROXIES).default('caddy'))
  .option('--label <label>', 'part of the server’s host name', 'bed')
  .option('--daemon', 'install the NextDeploy daemon in it')
  .option('--json', 'print one JSON object')
  .action(up);

program.command('ls').description('list the servers that are up').option('--json', 'print a JSON array').action(ls);

program
  .command('down')
  .description('remove a server')
  .argument('[id]', 'its id')
  .option('--all', 'remove all servers, those of running tests too')
  .action(down);

program.command('sweep').description('remove what runs left that were killed').action(sweepDead);

async function up(options: UpOptions): Promise<void> {
  const interrupted = abortOnSignals();
  const { suite, proxies, label } = options;
  const bed = await startBed({ suite, proxies, label, signal: interrupted, onProgress: progress });
  try {
    const daemon = options.daemon ? await unlessAborted(installDaemon(bed), interrupted) : undefined;
    await keepBed(bed);
    console.log(options.json ? JSON.stringify(asJson(bed, daemon)) : asText(bed, daemon));
  } catch (error) {
    await bed.stop();
    throw error;
  }
}

async function ls(options: { json?: boolean }): Promise<void> {
  const beds = await listBeds();
  if (options.json) {
    console.log(
      JSON.stringify(
        beds.map((bed) => ({ ...asJson(bed, undefined), suite: bed.suite, label: bed.label, created_at: bed.createdAt })),
      ),
    );
    return;
  }
  if (beds.length === 0) console.log('No server is up.');
  for (const bed of beds)
    console.log(`${bed.id}  ${bed.suite.padEnd(8)}  ${bed.createdAt}  ssh port ${bed.ssh.port}  ${bed.http}  ${bed.label}`);
}

async function down(id: string | undefined, options: { all?: boolean }): Promise<void> {
  const beds = await listBeds();
  if (!options.all && id === undefined) throw new Error('Say which server: npm run bed -- down ID, or --all. `ls` lists them.');
  const chosen = options.all ? beds : beds.filter((bed) => bed.id === id);
  if (!options.all && chosen.length === 0) throw new Error(`No server ${id} is up. \`npm run bed -- ls\` lists those that are.`);
  for (const bed of chosen) {
    await bed.stop();
    console.log(`removed ${bed.id}`);
  }
}

async function sweepDead(): Promise<void> {
  const { swept } = await sweep();
  console.log(swept.length === 0 ? 'Nothing was left behind.' : `removed ${swept.join(', ')}`);
}

/** The installer is the product's own (main/core); the module that calls it for a bed may not be there in a partial checkout. */
async function installDaemon(bed: Bed): Promise<DaemonAccess> {
  const file = join(import.meta.dirname, 'install-daemon.ts');
  if (!existsSync(file)) throw new Error('--daemon needs test/bed/install-daemon.ts, which this checkout does not have.');
  // The shape is that module's promise; a missing export fails at the call with its name.
  const module = (await import(pathToFileURL(file).href)) as { installDaemon(bed: Bed): Promise<DaemonAccess> };
  progress('installing the daemon');
  return module.installDaemon(bed);
}

function asJson(bed: Bed, daemon: DaemonAccess | undefined) {
  const { id, proxies, ssh, http, https, nginx } = bed;
  return { id, proxies, ssh, http, https, nginx, docker_socket: bed.dockerSocket, daemon: daemon ?? null };
}

function asText(bed: Bed, daemon: DaemonAccess | undefined): string {
  const knownHosts = join(bed.runDirectory, 'known_hosts');
  const sshCommand = `ssh -i ${bed.ssh.key} -p ${bed.ssh.port} -o UserKnownHostsFile=${knownHosts} ${bed.ssh.user}@${bed.ssh.host}`;
  const rows: [string, string][] = [
    ['server', `${bed.id} (${bed.suite})`],
    ['ssh', sshCommand],
    ['http', bed.http],
    ['https', bed.https],
    ...(bed.proxies === 'both' ? ([['nginx', `${bed.nginx.http} ${bed.nginx.https}`]] satisfies [string, string][]) : []),
    ['docker', `docker --host unix://${bed.dockerSocket} ps`],
    ...(daemon
      ? ([
          ['daemon', daemon.socket],
          ['token', daemon.token],
        ] satisfies [string, string][])
      : []),
    ['remove', `npm run bed -- down ${bed.id}`],
  ];
  return rows.map(([name, value]) => `${name.padEnd(8)}${value}`).join('\n');
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** For work that takes no signal: stops waiting for it. Removing the server ends it then. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  work.catch(() => undefined);
  try {
    signal.throwIfAborted();
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Aborted by the first signal; by then on, the clean-up runs to its end whatever else is pressed. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => controller.abort(new Error(`interrupted by ${name}`)));
  }
  return controller.signal;
}

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

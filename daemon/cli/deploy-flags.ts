/** The flags of `deploy`, by theme. */
import { type Command, Option } from 'commander';
import { proxyTypeSchema, tlsModeSchema } from '../contract/names.ts';
import { repeated } from './flag-values.ts';

/** As commander hands them over; false: taken away with `--no-…`. */
export interface DeployFlags extends ImageFlags {
  image?: string;
  domain?: string | false;
  alias?: string[] | false;
  redirect?: string[] | false;
  tls?: string;
  proxy?: string;
  port?: string[];
  env?: string[];
  unsetEnv?: string[];
  project?: string | false;
  secrets?: string;
  replicas?: string;
  cpus?: string | false;
  memory?: string | false;
  volume?: string[] | false;
  bind?: string[] | false;
  network?: string[] | false;
  user?: string | false;
  readOnly?: boolean;
  cap?: string[] | false;
  stopSignal?: string | false;
  stopTimeout?: string;
  logSize?: string;
  logFiles?: string;
  health?: string;
  healthPath?: string;
  healthStatus?: string;
  healthInterval?: string;
  healthTimeout?: string;
  healthDeadline?: string;
  healthRetries?: string;
  healthStartPeriod?: string;
  drain?: string;
  watch?: string;
  preSwitch?: string | false;
  postSwitch?: string | false;
  hookTimeout?: string;
}

/** Where flags read files. */
export interface DeploySources {
  envFile?: string[];
  request?: string;
  reset?: boolean;
}

/** What `deploy` and `swap` say of the image. */
export interface ImageFlags {
  pull?: string;
  registryUser?: string;
  registryPasswordStdin?: boolean;
  nextcore?: string;
}

const takesAway = (command: Command, ...flags: string[]) => {
  for (const flag of flags) command.addOption(new Option(flag).hideHelp());
  return command;
};

const DEPLOY_NEXTCORE =
  "what the build says of itself (JSON): Next's version, build id, routes; health path and port that nobody chose follow it";

/** `nextcore`: what the command makes of the build's word. */
export function addImageFlags(command: Command, nextcore: string): Command {
  return command
    .optionsGroup('Image:')
    .addOption(new Option('--pull <when>', 'always: ask the registry though the image is here').choices(['missing', 'always']))
    .option('--registry-user <name>', 'log in to its registry, for this operation alone')
    .option('--registry-password-stdin', 'read the password or token from standard input')
    .option('--nextcore <path>', nextcore);
}

export function addDeployFlags(command: Command): Command {
  command.optionsGroup('Image:').option('--image <reference>', 'the image, such as shop:v1 or shop@sha256:…');
  addImageFlags(command, DEPLOY_NEXTCORE);
  addRouting(command);
  addContainer(command);
  addHealth(command);
  addSwapping(command);
  return command
    .optionsGroup('Start from:')
    .option('--reset', 'the defaults, not what the app runs with now')
    .option('--request <path>', 'a whole request as JSON, in place of what the app runs with now; flags go over it')
    .optionsGroup('Options:')
    .addHelpText('after', NOTES);
}

function addRouting(command: Command): void {
  command
    .optionsGroup('Routing:')
    .option('--domain <name>', 'the domain it serves; a new app without one is a worker')
    .option('--no-domain', 'take the domain away, with its aliases and redirects: a worker')
    .option('--alias <name>', 'a further domain, served alike (repeat)', repeated)
    .option('--redirect <from[=to][:status]>', 'a domain sent on, path and all; default to --domain, with 308 (repeat)', repeated)
    .addOption(new Option('--tls <mode>', 'managed certificate, or plain HTTP').choices(tlsModeSchema.options))
    .addOption(new Option('--proxy <name>', 'the proxy that serves it').choices(proxyTypeSchema.options))
    .option('--port <port>', 'a port inside the container; the first is served (repeat)', repeated);
  takesAway(command, '--no-alias', '--no-redirect');
}

function addContainer(command: Command): void {
  command
    .optionsGroup('Environment:')
    .option(
      '--env <key=value>',
      'a variable, or KEY alone for its value here (repeat); others see arguments, so keep secrets in a file',
      repeated,
    )
    .option('--env-file <path>', 'variables from a file (repeat)', repeated)
    .option('--unset-env <name>', 'drop a variable (repeat)', repeated)
    .option('--project <name>', 'whose secrets it gets beside the global ones and its own')
    .addOption(
      new Option('--secrets <how>', 'how it gets its secrets: as variables, as files in /run/secrets, or not at all').choices([
        'env',
        'file',
        'none',
      ]),
    )
    .optionsGroup('Container:')
    .option('--replicas <count>', 'how many run, balanced by the proxy')
    .option('--cpus <number>', 'CPUs at most, such as 0.5')
    .option('--memory <size>', 'memory at most, such as 512m or 2g')
    .option('--volume <name:/path[:ro]>', 'a named volume (repeat)', repeated)
    .option('--bind </host:/path[:ro]>', 'a directory of the host, where the daemon allows it (repeat)', repeated)
    .option('--network <name>', "a Docker network that exists, beside the daemon's own (repeat)", repeated)
    .option('--user <user[:group]>', "in place of the image's")
    .option('--read-only', 'its root file system cannot be written')
    .option('--cap <name>', 'a capability it keeps, such as NET_RAW; all others are dropped (repeat)', repeated)
    .option('--stop-signal <name>', "what asks it to end, default the image's or SIGTERM")
    .option('--stop-timeout <duration>', 'from that signal to SIGKILL')
    .option('--log-size <size>', 'its log goes on in a new file at this size, default 10m')
    .option('--log-files <count>', 'so many of these files are kept, default 3');
  takesAway(
    command,
    '--no-project',
    '--no-cpus',
    '--no-memory',
    '--no-volume',
    '--no-bind',
    '--no-network',
    '--no-user',
    '--no-read-only',
  );
  takesAway(command, '--no-cap', '--no-stop-signal');
}

function addHealth(command: Command): void {
  command
    .optionsGroup('Health:')
    .addOption(new Option('--health <kind>', 'how it is probed').choices(['http', 'tcp', 'none']))
    .option('--health-path <path>', 'what an HTTP probe asks for')
    .option('--health-status <range>', 'what it takes for a good answer, such as 204 or 200-299')
    .option('--health-interval <duration>', 'between two probes')
    .option('--health-timeout <duration>', 'of one probe')
    .option('--health-deadline <duration>', 'how long a new container may take to become healthy')
    .option('--health-retries <count>', 'so many failures in a row make a serving container unhealthy')
    .option('--health-start-period <duration>', 'failures do not count so long after a serving container was started again');
}

function addSwapping(command: Command): void {
  command
    .optionsGroup('Swap:')
    .option('--pre-switch <command>', 'run once in the new image before its containers are made, such as a migration')
    .option('--post-switch <command>', 'run once when the new release serves; if it fails the app switches back')
    .option('--hook-timeout <duration>', 'how long each of the two may take')
    .option('--drain <duration>', 'how long the old release may finish its requests')
    .option('--watch <duration>', 'how long the old release is kept warm, and comes back if the new one fails');
  takesAway(command, '--no-pre-switch', '--no-post-switch');
}

const NOTES = `
An app that is there keeps what it runs with but for what flags change; a flag that can be repeated replaces all it had
(--env adds). With --nextcore, health and port that are just what its last build suggested, or the default, are left to
the new build; what was chosen stays. What an app has can be taken away: --no-domain, --no-alias, --no-redirect, --no-cpus, --no-memory,
--no-volume, --no-bind, --no-network, --no-user, --no-read-only, --no-cap, --no-stop-signal, --no-pre-switch, --no-post-switch.

The commands of --pre-switch and --post-switch are never given to a shell: words parted by blanks are the program and its
arguments. An argument that holds a blank, a quote or a sign needs the whole as a JSON array:
  nextdeploy deploy shop --image shop:v2 --pre-switch 'node migrate.js --all'
  nextdeploy deploy shop --image shop:v2 --pre-switch '["sh", "-c", "node migrate.js && node seed.js"]'`;

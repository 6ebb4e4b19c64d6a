/**
 * `npm run demo`: from nothing to a Next.js app on a server of its own, with the console open on it. `-- --check` runs the whole path
 * without a person, swaps under load in a real browser, takes everything down and exits 0 only if all of it held.
 */
import { rm } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { ensureTestPrograms } from '../bed/test-programs.ts';
import { bringUp, type DemoContext } from './bring-up.ts';
import { createDirectory } from './directory.ts';
import { findLeftovers, type Traces } from './leftovers.ts';
import { createPhases, type Phases } from './phases.ts';
import { openForPerson } from './stay-open.ts';
import { driveConsole } from './window.ts';

interface Options {
  check: boolean;
  verbose: boolean;
  screenshots?: string;
}

const INTERRUPTED = new Error('interrupted');
/** One Ctrl-C may arrive twice: from the terminal's group, and passed on by the program that started us. */
const SAME_SIGNAL_MS = 1_000;

const command = new Command('npm run demo --')
  .description('Start a disposable server, install the daemon on it, deploy a Next.js app and open the console on it.')
  .option('--check', 'run the whole path without a person and exit 0 only if all of it held', false)
  .option('--screenshots <directory>', 'with --check: keep pictures of the console there')
  .addOption(new Option('--verbose', 'say what long steps are doing').default(false))
  .parse();

process.exitCode = await main(command.opts<Options>());

async function main(options: Options): Promise<number> {
  const abort = new AbortController();
  const interrupt = createInterrupt(abort);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  const start = performance.now();
  const phases = createPhases((line) => console.log(line));
  const progress = (line: string) => options.verbose && console.log(`      ${line}`);
  const traces: Traces = { words: [], paths: [] };
  const error = await runPhases({ phases, traces, progress, signal: abort.signal }, options);
  const isDown = await takeDown(phases, traces);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  if (error === undefined && isDown) {
    console.log(`\nAll held, in ${seconds} s.`);
    return 0;
  }
  if (error === INTERRUPTED && isDown) console.log('\nEverything is removed.');
  if (error !== undefined && error !== INTERRUPTED) console.error(`\n${describe(error)}`);
  return error === INTERRUPTED && isDown && !options.check ? 0 : 1;
}

/** The first signal ends the demo in order; a later one is for those who cannot wait, and the next run sweeps up. */
function createInterrupt(abort: AbortController): () => void {
  let first: number | undefined;
  return () => {
    first ??= performance.now();
    if (abort.signal.aborted && performance.now() - first > SAME_SIGNAL_MS) process.exit(130);
    if (abort.signal.aborted) return;
    console.log('\nTaking everything down … (again to leave at once)');
    abort.abort(INTERRUPTED);
  };
}

/** Resolves with what ended it early, if anything did. */
async function runPhases(context: Omit<DemoContext, 'directory'>, options: Options): Promise<unknown> {
  const { phases, traces, progress, signal } = context;
  try {
    const directory = await createDirectory();
    phases.onEnd('temporary files', () => rm(directory, { recursive: true, force: true }));
    traces.words.push(directory);
    traces.paths.push(directory);
    await phases.run('-', 'prepare', () => ensureTestPrograms(progress, signal));
    const demo = await bringUp({ ...context, directory });
    if (options.check) await driveConsole(demo, { phases, signal, screenshots: options.screenshots });
    else await openForPerson(demo, { phases, signal });
    return undefined;
  } catch (error) {
    return signal.aborted ? INTERRUPTED : error;
  }
}

async function takeDown(phases: Phases, traces: Traces): Promise<boolean> {
  try {
    await phases.run('i', 'take down', async (say) => {
      const left = [...(await phases.end()), ...(await findLeftovers(traces))];
      if (left.length > 0) throw new Error(`Not everything is gone:\n${left.join('\n')}`);
      say('no container, process, mount, link or file is left');
    });
    return true;
  } catch (error) {
    console.error(describe(error));
    return false;
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return process.env.DEBUG === undefined ? error.message : (error.stack ?? error.message);
}

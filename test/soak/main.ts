/** `npm run soak [-- --swaps N] [--proxy NAME] [--json]`: swaps in a row, and whether everything they take is given back. See docs/chaos.md. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { ProxyType } from '../../daemon/contract/names.ts';
import { type Figure, jsonLine, table } from '../bench/figures.ts';
import { PROXY_NAMES, withStage } from '../chaos/stage.ts';
import { soak } from './soak.ts';

/** As many samples as four quarters need, and warm caches. */
const SWAPS_MIN = 40;

interface Options {
  swaps: number;
  proxy?: ProxyType;
  json?: true;
}

const program = new Command('npm run soak --')
  .description(
    'Swaps in a row on a disposable server, for each proxy: descriptors, memory, disk, containers, rules and the rest must stay flat.',
  )
  .addOption(new Option('--swaps <n>', 'how many for each proxy').default(1_000).argParser(wholeNumber))
  .addOption(new Option('--proxy <name>', 'only this').choices(PROXY_NAMES))
  .option('--json', 'one JSON object a line on stdout: name, value, unit, reference, ratio, goal, ok')
  .addHelpText('after', '\nExits with 0 when everything is flat and no request was lost, with 1 when not.')
  .showHelpAfterError()
  .parse();

process.exitCode = await run(program.opts<Options>());

async function run({ swaps, proxy, json }: Options): Promise<number> {
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => interrupted.abort(new Error(`interrupted by ${name}`)));
  }
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const figures: Figure[] = [];
  const emit = (figure: Figure) => {
    figures.push(figure);
    if (json) process.stdout.write(`${jsonLine(figure)}\n`);
  };
  try {
    // A server each, so that one proxy's run is not the other's warm-up; both at once, as what is counted is not time.
    const names = PROXY_NAMES.filter((candidate) => proxy === undefined || candidate === proxy);
    const runs = names.map((name) =>
      withStage({ label: `soak-${name}`, signal: interrupted.signal, say }, (stage) => soak(stage, name, swaps, emit)),
    );
    await allOrNone(runs, interrupted);
  } catch (error) {
    say(`The run could not be finished: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
  if (!json) process.stdout.write(`${table(figures)}\n`);
  return figures.every(({ ok }) => ok) ? 0 : 1;
}

/** When one fails the others are ended, and have taken their servers down when this rejects. */
async function allOrNone(runs: readonly Promise<void>[], interrupted: AbortController): Promise<void> {
  const first = Promise.all(runs);
  first.catch((error: unknown) => interrupted.abort(error));
  await Promise.allSettled(runs);
  await first;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < SWAPS_MIN) throw new InvalidArgumentError(`use a whole number from ${SWAPS_MIN} on`);
  return value;
}

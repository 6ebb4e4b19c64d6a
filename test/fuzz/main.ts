/** `npm run fuzz [-- --requests N] [--seed N] [--minutes N] [--replay FILE] [--json]`: what no client of ours sends. See docs/fuzz.md. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { jsonLine, table } from '../bench/figures.ts';
import type { Case } from './case.ts';
import { caseOf } from './cases.ts';
import type { Finding } from './fuzzer.ts';
import { fuzz, replay } from './run.ts';
import { withServerTarget } from './server-target.ts';
import { type Target, withLocalTarget } from './target.ts';

interface Options {
  requests: number;
  seed: number;
  minutes?: number;
  replay?: string;
  local?: true;
  json?: true;
}

const program = new Command('npm run fuzz --')
  .description(
    'Requests and streams made from the contract and then changed, against a real daemon: nothing may crash, fail or change.',
  )
  .addOption(new Option('--requests <n>', 'how many').default(100_000).argParser(wholeNumber))
  .addOption(
    new Option('--seed <n>', 'makes the same cases again; default: another in each run')
      .argParser(wholeNumber)
      .default(Date.now() % 2 ** 31, 'by the clock'),
  )
  .addOption(new Option('--minutes <n>', 'end after so long').argParser(wholeNumber))
  .option('--replay <file>', 'send what a finding was written to, once more')
  .option('--local', 'the daemon on this machine without Docker and proxy, in place of a disposable server')
  .option('--json', 'one JSON object a line on stdout: name, value, unit, reference, ratio, goal, ok')
  .addHelpText('after', '\nExits with 0 when nothing was found, with 1 when something was.')
  .showHelpAfterError()
  .parse();

/** Of those that `npm test` starts at once, the last. */
const PLACE = 4;
const SHOWN_CHARACTERS = 1_500;
/** What is free within pages is not given back. */
const MEMORY_TOLERANCE = { units: 16 * 1_024, percent: 15 };

process.exitCode = await run(program.opts<Options>());

async function run(options: Options): Promise<number> {
  const interrupted = new AbortController();
  const { signal } = interrupted;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => interrupted.abort(new Error(`interrupted by ${name}`)));
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  try {
    const work = (target: Target) => workOn(target, options, { signal, say });
    return await (options.local ? withLocalTarget(PLACE, work) : withServerTarget({ signal, say }, work));
  } catch (error) {
    say(`The run could not be finished: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

async function workOn(
  target: Target,
  options: Options,
  { signal, say }: { signal: AbortSignal; say: (line: string) => void },
): Promise<number> {
  const { requests, seed, minutes, replay: file, json } = options;
  const directory = join(tmpdir(), 'nextdeploy-fuzz-findings');
  const onFinding = (finding: Finding) => say(described(finding, keep(finding, directory)));
  if (file !== undefined) {
    const found = await replay(target, JSON.parse(readFileSync(file, 'utf8')) as Case[], { say, onFinding });
    if (found.length === 0) say('nothing is wrong with how it was answered');
    return found.length === 0 ? 0 : 1;
  }
  say(`seed ${seed}`);
  const duration_ms = minutes === undefined ? undefined : minutes * 60_000;
  const make = (index: number) => caseOf(seed, index);
  const { figures } = await fuzz(target, {
    make,
    requests,
    duration_ms,
    memory_tolerance: MEMORY_TOLERANCE,
    signal,
    say,
    onFinding,
  });
  process.stdout.write(json ? figures.map((figure) => `${jsonLine(figure)}\n`).join('') : `${table(figures)}\n`);
  return figures.every(({ ok }) => ok) ? 0 : 1;
}

/** Writes its cases to a file for `--replay`; returns its path. */
function keep({ fault, cases }: Finding, directory: string): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, `${fault}-${(cases[0]?.id ?? 'none').replace(':', '-')}.json`);
  writeFileSync(file, JSON.stringify(cases, null, 1));
  return file;
}

function described({ fault, cases, detail }: Finding, file: string): string {
  const [first] = cases;
  const sent = first === undefined ? '' : `\n  ${JSON.stringify(first.steps).slice(0, SHOWN_CHARACTERS)}`;
  const which = cases.length === 1 ? `case ${first?.id} of ${first?.caller}` : `${cases.length} cases from ${first?.id} on`;
  return `${fault}: ${which}\n  ${detail.replaceAll('\n', '\n  ')}${sent}\n  again: npm run fuzz -- --replay ${file}`;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('use a whole number from 1 on');
  return value;
}

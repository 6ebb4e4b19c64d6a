/** `npm run chaos [-- --fault NAME] [--proxy NAME] [--json] [--list]`: what goes wrong, under load, and what it costs. See docs/chaos.md. */
import { Command, Option } from 'commander';
import type { ProxyType } from '../../daemon/contract/names.ts';
import { jsonLine } from '../bench/figures.ts';
import { FAULTS, runFault } from './catalogue.ts';
import { figureOf, type Row, tableOf } from './report.ts';
import { PROXY_NAMES, withStage } from './stage.ts';
import { worldOf } from './world.ts';

interface Options {
  fault?: string[];
  proxy?: ProxyType;
  json?: true;
  list?: true;
}

const program = new Command('npm run chaos --')
  .description('Faults on a disposable server under load: what is expected, what is observed, and how many requests fail.')
  .addOption(new Option('--fault <name...>', 'only these').choices(FAULTS.map(({ name }) => name)))
  .addOption(new Option('--proxy <name>', 'only this').choices(PROXY_NAMES))
  .option('--json', 'one JSON object a line on stdout: name, value, unit, reference, ratio, goal, ok')
  .option('--list', 'list the faults with what is expected of each')
  .addHelpText('after', '\nExits with 0 when everything was as expected, with 1 when not.')
  .showHelpAfterError()
  .parse();

const options = program.opts<Options>();
process.exitCode = options.list ? list() : await run();

function list(): number {
  for (const { name, expected } of FAULTS) console.log(`${name.padEnd(22)} ${expected}`);
  return 0;
}

async function run(): Promise<number> {
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => interrupted.abort(new Error(`interrupted by ${name}`)));
  }
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const rows: Row[] = [];
  try {
    await withStage({ label: 'chaos', signal: interrupted.signal, say }, async (stage) => {
      for (const proxy of PROXY_NAMES.filter((name) => options.proxy === undefined || options.proxy === name)) {
        const world = worldOf(stage, proxy);
        for (const fault of FAULTS.filter(({ name }) => options.fault?.includes(name) ?? true)) {
          const row = await runFault(world, fault);
          rows.push(row);
          if (options.json) process.stdout.write(`${jsonLine(figureOf(row))}\n`);
        }
      }
    });
  } catch (error) {
    say(`The run could not be finished: ${error instanceof Error ? error.message : String(error)}`);
    if (!options.json && rows.length > 0) process.stdout.write(`${tableOf(rows)}\n`);
    return 1;
  }
  if (!options.json) process.stdout.write(`${tableOf(rows)}\n`);
  return rows.every(({ ok }) => ok) ? 0 : 1;
}

/** Commands that carry streams: logs, events, images. */
import type { Command } from 'commander';
import type { Act } from './context.ts';
import { type EventFlags, showEvents } from './events.ts';
import { imageTable, loadImages } from './images.ts';
import { type LogFlags, showLogs } from './logs.ts';

export function addStreams(program: Command, act: Act): void {
  program
    .command('logs <app>')
    .description(
      "print an app's log; with --follow it goes on across swaps and restarts. Lines of containers that are removed already are gone",
    )
    .option('-n, --tail <lines>', 'so many of the last lines')
    .option('--since <time>', 'only lines of the last 10m, 2h …, or after a time such as 2026-01-02T03:04:05Z')
    .option('-f, --follow', 'go on with new lines')
    .option('--grep <text>', 'only lines that contain this text')
    .option('-t, --timestamps', 'print time, release and slot before each line')
    .action((app: string, flags: Omit<LogFlags, 'json'>, command: Command) =>
      act(command, ({ client, json, terminal }) => showLogs(client, app, { ...flags, json }, terminal)),
    );
  program
    .command('events')
    .description("print the daemon's events")
    .option('-n, --tail <count>', 'so many of the last', '50')
    .option('--after <seq>', 'all after this number instead')
    .option('--app <app>', 'of this app only')
    .option('-f, --follow', 'go on with new events')
    .action((flags: Omit<EventFlags, 'json'>, command: Command) =>
      act(command, ({ client, json, terminal }) => showEvents(client, { ...flags, json }, terminal)),
    );
  const images = program.command('images').description('images on this server');
  images
    .command('load <file>')
    .description('stream a `docker save` archive, plain or compressed, into Docker; - for standard input')
    .action((file: string, _flags, command: Command) =>
      act(command, ({ client, json, terminal }) => loadImages(client, file, { json }, terminal)),
    );
  images
    .command('ls')
    .description('list images')
    .action((_flags, command: Command) =>
      act(command, async ({ client, show }) => {
        const list = await client.call('listImages');
        await show(list, () => imageTable(list, Date.now()));
      }),
    );
}

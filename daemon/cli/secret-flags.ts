/** What the commands about secrets have in common: whose they are, what follows a change, and how values come in. */
import type { Command } from 'commander';
import { DomainError } from '../contract/errors.ts';
import type { SecretOwner, SecretsChanged } from '../contract/secrets.ts';
import type { Context } from './context.ts';
import { changedLines } from './secret-views.ts';
import { ask, printable, type Terminal } from './terminal.ts';

export interface OwnerFlags {
  app?: string;
  project?: string;
  global?: boolean;
}
export interface RollFlags {
  roll?: boolean;
  detach?: boolean;
}

const STDIN_BYTES_MAX = 1024 * 1024;

export const owned = (command: Command) =>
  command
    .option('--app <app>', 'those of one app')
    .option('--project <project>', 'those of all apps of a project')
    .option('--global', 'those of all apps');
export const rolling = (command: Command) =>
  command
    .option('--roll', 'bring up a new release, without downtime, of each running app that is concerned')
    .option('--detach', 'with --roll: do not wait for the end');

export async function showChanged(context: Context, changed: SecretsChanged, { roll, detach }: RollFlags): Promise<void> {
  const { client, show, run } = context;
  await show(changed, () => changedLines(changed, { roll: roll === true }).join('\n'));
  if (detach === true) return;
  for (const { operation_id: id } of changed.rolled) await run(client.call('getOperation', { params: { id } }));
  if (changed.not_rolled.length === 0) return;
  const names = changed.not_rolled.map(({ app_name, reason }) => `${app_name}: ${reason}`).join(' ');
  throw new DomainError('conflict', `The secrets are changed, but not every app runs with them yet. ${names}`);
}

/** Throws `invalid_request` unless one of the three was given. */
export function ownerOf({ app, project, global }: OwnerFlags): SecretOwner {
  const given = [app !== undefined, project !== undefined, global === true].filter(Boolean).length;
  if (given !== 1) throw new DomainError('invalid_request', 'Say whose they are: --app APP, --project PROJECT or --global.');
  if (app !== undefined) return { scope: 'app', app_name: app };
  return project !== undefined ? { scope: 'project', project } : { scope: 'global' };
}

/** Of standard input, as text. */
export async function readAll({ stdin }: Terminal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    const part = Buffer.from(chunk as Uint8Array);
    bytes += part.length;
    if (bytes > STDIN_BYTES_MAX) throw new DomainError('invalid_request', `More than ${STDIN_BYTES_MAX} bytes came in.`);
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString();
}

/** Throws `invalid_request` unless its name is typed. */
export async function confirm(what: string, name: string, terminal: Terminal): Promise<void> {
  const answer = await ask(terminal, `${what}, and cannot be undone. Type its name to go on: `);
  if (answer !== null && answer.trim() === name) return;
  const remedy = answer === null ? 'nobody can be asked here; add --yes' : `the answer was not ${printable(name)}`;
  throw new DomainError('invalid_request', `Nothing was removed: ${remedy}.`);
}

import { DomainError } from '../contract/errors.ts';
import { ask, printable, type Terminal } from './terminal.ts';

/**
 * Asks for a name to be typed once more, before what cannot be undone. `what`: what would happen, as in `This removes shop`; `nothing`: what
 * has not, otherwise.
 * @throws DomainError `invalid_request` unless it was typed
 */
export async function confirmByName(
  terminal: Terminal,
  name: string,
  { what, nothing }: { what: string; nothing: string },
): Promise<void> {
  const shown = printable(name);
  const answer = await ask(terminal, `${what}, and cannot be undone. Type its name to go on: `);
  if (answer !== null && answer.trim() === name) return;
  const remedy = answer === null ? 'nobody can be asked here; add --yes' : `the answer was not ${shown}`;
  throw new DomainError('invalid_request', `${nothing}: ${remedy}.`);
}

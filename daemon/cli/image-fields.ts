/** What `deploy` and `swap` say of an image beside its name: where it comes from, and what its build tells. */

import { DomainError } from '../contract/errors.ts';
import type { RouteBodyInput } from '../contract/routes.ts';
import { readUserFile } from '../host/user-files.ts';
import { Sealed } from '../secrets/sealed.ts';
import type { ImageFlags } from './deploy-flags.ts';
import type { Terminal } from './terminal.ts';

export type ImageFields = Pick<RouteBodyInput<'swap'>, 'pull' | 'registry' | 'nextcore'>;

const PASSWORD_CHARACTERS_MAX = 4096;

/** @throws DomainError `invalid_request` naming the flag */
export async function readImageFields(flags: ImageFlags, terminal: Terminal): Promise<ImageFields> {
  const { pull, registryUser, registryPasswordStdin, nextcore } = flags;
  if ((registryUser === undefined) !== (registryPasswordStdin !== true)) {
    throw new DomainError('invalid_request', 'Give both --registry-user and --registry-password-stdin, or neither.');
  }
  // Before any file, so that what is piped in is never left to someone else.
  const password = registryUser === undefined ? null : await readPassword(terminal);
  return {
    ...(pull === undefined ? {} : { pull: pull as NonNullable<ImageFields['pull']> }), // the flag's choices are the contract's
    ...(registryUser === undefined || password === null
      ? {}
      : { registry: { username: registryUser, password: password.open() } }),
    // The daemon says what is wrong with its fields.
    ...(nextcore === undefined ? {} : { nextcore: parseObject('--nextcore', await readUserFile(nextcore)) }),
  };
}

async function readPassword({ stdin }: Terminal): Promise<Sealed> {
  if (stdin.isTTY === true) {
    const message = 'A terminal would show the password; pipe it in, such as: nextdeploy … --registry-password-stdin < FILE.';
    throw new DomainError('invalid_request', message);
  }
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > PASSWORD_CHARACTERS_MAX + 2) {
      throw new DomainError(
        'invalid_request',
        `The password on standard input has more than ${PASSWORD_CHARACTERS_MAX} characters.`,
      );
    }
  }
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw new DomainError('invalid_request', 'There is no password on standard input; pipe it in.');
  return new Sealed(password);
}

/** A file's JSON object, for the daemon to check its fields. @throws DomainError `invalid_request` without its text, which may hold secrets */
export function parseObject<T extends object>(flag: string, text: string): T {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as T;
  } catch {
    // Its message would quote the file.
  }
  throw new DomainError('invalid_request', `The file given with ${flag} is not a JSON object.`);
}

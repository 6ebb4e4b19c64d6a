import { parse } from 'yaml';
import { DaemonClient, unixSocketTransport } from '../api/client.ts';
import { DomainError } from '../contract/errors.ts';
import { readUserFile, readUserFileIfAllowed } from '../host/user-files.ts';
import { Sealed } from '../secrets/sealed.ts';
import type { Terminal } from './terminal.ts';

export interface ConnectionFlags {
  socket: string;
  tokenFile?: string;
  config: string;
}

/** A client of the daemon on this server. @throws DomainError `unauthorized` if no token is to be had */
export async function connect(flags: ConnectionFlags, terminal: Terminal): Promise<DaemonClient> {
  return new DaemonClient({ transport: unixSocketTransport(flags.socket), token: await findToken(flags, terminal.env) });
}

/** From `--token-file`, `NEXTDEPLOY_TOKEN`, or the daemon's own configuration, in this order. */
async function findToken({ tokenFile, config }: ConnectionFlags, env: Terminal['env']): Promise<Sealed> {
  if (tokenFile !== undefined) return sealed(await readUserFile(tokenFile), tokenFile);
  const given = env.NEXTDEPLOY_TOKEN;
  if (given !== undefined && given !== '') return sealed(given, 'NEXTDEPLOY_TOKEN');
  const text = await readUserFileIfAllowed(config);
  if (text !== null) return sealed(tokenOf(text), config);
  throw new DomainError(
    'unauthorized',
    `No token: ${config} cannot be read. Use sudo, become a member of the group nextdeploy, or give --token-file or NEXTDEPLOY_TOKEN.`,
  );
}

function tokenOf(text: string): string {
  let config: unknown;
  try {
    config = parse(text);
  } catch {
    // Its message would quote the file.
  }
  const token: unknown = (config as { auth?: { token?: unknown } } | null | undefined)?.auth?.token;
  return typeof token === 'string' ? token : '';
}

function sealed(text: string, source: string): Sealed {
  const token = text.trim();
  if (/^\S+$/.test(token)) return new Sealed(token);
  throw new DomainError('unauthorized', `There is no token in ${source}.`);
}

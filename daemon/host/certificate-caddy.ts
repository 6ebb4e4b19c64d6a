/** What certificates need of the Caddy on this host: its storage, its running configuration, its log. */
import { readdir, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import type { CaddyMachine, StoredByCaddy } from '../certs/ports.ts';
import { findUser } from './accounts.ts';
import { isMissing } from './files.ts';
import { runProgram } from './processes.ts';

const DEADLINE_MS = 20_000;
const LOG_LINES_MAX = 1_000;
const LOG_CHARACTERS_MAX = 4 * 1024 * 1024;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export interface CaddyPlaces {
  /** `host:port` of its admin API. */
  admin: string;
  /** The systemd unit. */
  service: string;
}

export function createCaddyCertificates(places: CaddyPlaces): CaddyMachine {
  return {
    readStored: async (domain, signal) => readStored(await findData(places.service, signal), domain),
    readConfig: async (signal) => {
      const answer = await ask(places.admin, { method: 'GET', path: '/config/' }, signal);
      return answer === null ? null : JSON.parse(answer.body);
    },
    loadConfig: async (config, signal) => {
      const answer = await ask(places.admin, { method: 'POST', path: '/load', body: JSON.stringify(config) }, signal);
      if (answer === null) throw new Error('Caddy does not run');
      if (answer.status !== 200) throw new Error(`Caddy answers ${answer.status}: ${answer.body.slice(0, 500)}`);
    },
    readLog: async (since, signal) => {
      const start = `--since=@${Math.floor(since.getTime() / 1000)}`;
      const args = [`--unit=${places.service}`, '--output=cat', '--no-pager', '--quiet', start, `--lines=${LOG_LINES_MAX}`];
      const options = { signal, deadlineMs: DEADLINE_MS, outputCharactersMax: LOG_CHARACTERS_MAX };
      const { code, output } = await runProgram('journalctl', args, options);
      return code === 0 ? output.split('\n') : [];
    },
  };
}

/** `$XDG_DATA_HOME/caddy`, or beneath the home of the unit's user (https://caddyserver.com/docs/conventions#data-directory). */
async function findData(service: string, signal: AbortSignal): Promise<string | null> {
  const args = ['show', '--property=User,Environment', service];
  const { code, output } = await runProgram('systemctl', args, { signal, deadlineMs: DEADLINE_MS });
  if (code !== 0) return null;
  const data = /\bXDG_DATA_HOME=([^\s"]+)/.exec(output)?.[1];
  if (data !== undefined) return join(data, 'caddy');
  const user = /^User=(.+)$/m.exec(output)?.[1] ?? 'root';
  const home = /\bHOME=([^\s"]+)/.exec(output)?.[1] ?? findUser(user)?.home;
  return home === undefined ? null : join(home, '.local', 'share', 'caddy');
}

/** By authority and name, as certmagic files them: `certificates/{authority}/{name}/{name}.crt`. */
async function readStored(data: string | null, domain: string): Promise<StoredByCaddy[]> {
  if (data === null) return [];
  const certificates = join(data, 'certificates');
  const authorities = await orMissing(readdir(certificates), []);
  const found = await Promise.all(
    authorities.map(async (authority): Promise<StoredByCaddy | null> => {
      const path = join(certificates, authority, domain, domain);
      const certificate = await orMissing(readFile(`${path}.crt`, 'utf8'), null);
      return certificate === null ? null : { certificate, certificate_path: `${path}.crt`, key_path: `${path}.key` };
    }),
  );
  return found.filter((one) => one !== null);
}

async function orMissing<T, U>(reading: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await reading;
  } catch (error) {
    if (isMissing(error)) return otherwise;
    throw error;
  }
}

interface Ask {
  method: 'GET' | 'POST';
  path: string;
  body?: string;
}

/** Of the admin API (https://caddyserver.com/docs/api); null: nothing listens there. */
function ask(admin: string, { method, path, body }: Ask, signal: AbortSignal): Promise<{ status: number; body: string } | null> {
  const [host, port] = admin.split(':');
  const headers = body === undefined ? {} : { 'content-type': 'application/json', 'cache-control': 'must-revalidate' };
  const ended = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, method, path, headers, signal: ended, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > ANSWER_BYTES_MAX) response.destroy(new Error("Caddy's answer is too long"));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') resolve(null);
      else reject(error);
    });
    outgoing.end(body);
  });
}

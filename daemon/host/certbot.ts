/**
 * certbot on the daemon's behalf: with directories of its own, so that the operator's certbot, its certificates and its timer are never
 * touched. What its options do: https://eff-certbot.readthedocs.io/en/stable/using.html#certbot-command-line-options
 */
import { access, constants, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certbot } from '../certs/ports.ts';
import { makeDirectory, readTextIfThere } from './files.ts';
import { runProgram } from './processes.ts';

export interface CertbotSettings {
  /** Of the account and of all that certbot writes; ours alone. One order at a time. */
  directory: string;
  /** Where nginx finds the answers to challenges; its user reads them. */
  webroot: string;
  /** The authority's ACME directory; null: certbot's default. */
  acme_directory: string | null;
  email: string | null;
  /** Of the root that the directory's own certificate leads to; null: those of the host. */
  acme_ca_root: string | null;
}

const PROGRAM = 'certbot';
/** An authority may take its time with a challenge. */
const DEADLINE_MS = 150_000;
const LOG_CHARACTERS_MAX = 256 * 1024;

export class CertbotProgram implements Certbot {
  readonly #settings: CertbotSettings;

  constructor(settings: CertbotSettings) {
    this.#settings = settings;
  }

  async isInstalled(): Promise<boolean> {
    const checks = (process.env.PATH ?? '/usr/bin').split(':').map((path) => access(join(path, PROGRAM), constants.X_OK));
    return (await Promise.allSettled(checks)).some(({ status }) => status === 'fulfilled');
  }

  async order(domain: string, signal: AbortSignal): ReturnType<Certbot['order']> {
    const { directory, webroot, acme_ca_root } = this.#settings;
    await makeDirectory(directory, 0o700);
    await makeDirectory(webroot, 0o755);
    const log = join(directory, 'logs', 'letsencrypt.log');
    // Of an order that was killed: certbot takes what it finds for its own.
    await this.#forget();
    await rm(log, { force: true });
    try {
      const env = acme_ca_root === null ? {} : { REQUESTS_CA_BUNDLE: acme_ca_root };
      const { code, output } = await runProgram(PROGRAM, this.#arguments(domain), { env, signal, deadlineMs: DEADLINE_MS });
      if (code !== 0) return { ok: false, output, log: await readEnd(log) };
      const live = join(directory, 'config', 'live', domain);
      const [certificate, key] = await Promise.all([
        readFile(join(live, 'fullchain.pem'), 'utf8'),
        readFile(join(live, 'privkey.pem'), 'utf8'),
      ]);
      return { ok: true, pair: { certificate, key } };
    } finally {
      await this.#forget();
    }
  }

  /** All but the account: what it brings is kept elsewhere, and no key stays behind twice. */
  async #forget(): Promise<void> {
    for (const name of ['live', 'archive', 'renewal', 'csr', 'keys'])
      await rm(join(this.#settings.directory, 'config', name), { recursive: true, force: true });
  }

  #arguments(domain: string): string[] {
    const { directory, webroot, acme_directory, email } = this.#settings;
    const places = (['config', 'work', 'logs'] as const).map((name) => `--${name}-dir=${join(directory, name)}`);
    return [
      'certonly',
      '--non-interactive',
      '--agree-tos',
      ...(email === null ? ['--register-unsafely-without-email'] : [`--email=${email}`, '--no-eff-email']),
      ...(acme_directory === null ? [] : [`--server=${acme_directory}`]),
      '--webroot',
      `--webroot-path=${webroot}`,
      `--cert-name=${domain}`,
      `--domains=${domain}`,
      '--key-type=ecdsa',
      '--force-renewal',
      // Whoever renews is the daemon; hooks are the operator's.
      '--no-directory-hooks',
      '--max-log-backups=10',
      ...places,
    ];
  }
}

/** Of a log file; empty where there is none. */
async function readEnd(path: string): Promise<string> {
  const text = await readTextIfThere(path);
  return text?.slice(-LOG_CHARACTERS_MAX) ?? '';
}

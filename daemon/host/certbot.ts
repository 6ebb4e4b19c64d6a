/**
 * certbot on the daemon's behalf: with directories of its own, so that the operator's certbot, its certificates and its timer are never
 * touched. What its options do: https://eff-certbot.readthedocs.io/en/stable/using.html#certbot-command-line-options
 */
import { access, constants, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certbot } from '../certs/ports.ts';
import { makeDirectory } from './files.ts';
import { runProgram } from './processes.ts';

export interface CertbotSettings {
  /** Of the account and of all that certbot keeps; ours alone. */
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
    const env = acme_ca_root === null ? {} : { REQUESTS_CA_BUNDLE: acme_ca_root };
    const { code, output } = await runProgram(PROGRAM, this.#arguments(domain), { env, signal, deadlineMs: DEADLINE_MS });
    if (code !== 0) return { ok: false, output };
    const live = join(directory, 'config', 'live', domain);
    const [certificate, key] = await Promise.all([
      readFile(join(live, 'fullchain.pem'), 'utf8'),
      readFile(join(live, 'privkey.pem'), 'utf8'),
    ]);
    return { ok: true, pair: { certificate, key } };
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

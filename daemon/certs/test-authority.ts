/** A private authority for tests: OpenSSL's program issues what a test asks for. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pair } from './ports.ts';

export interface TestAuthority {
  /** PEM. */
  root: string;
  intermediate: string;
  /** For the names, by the intermediate; `certificate` is the leaf alone. Days may be negative: it has expired. */
  issue(names: readonly string[], options?: { days?: number; starts_in_days?: number; key?: 'ec' | 'rsa' | 'weak' }): Pair;
  /** The same key with a passphrase. */
  encrypt(key: string): string;
  close(): void;
}

const KEYS = { ec: ['EC', 'ec_paramgen_curve:P-256'], rsa: ['RSA', 'rsa_keygen_bits:2048'], weak: ['RSA', 'rsa_keygen_bits:1024'] };
const DAY_MS = 86_400_000;

export function createTestAuthority(): TestAuthority {
  const directory = mkdtempSync(join(tmpdir(), 'nextdeploy-authority-'));
  const path = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  const read = (name: string) => readFileSync(path(name), 'utf8');
  writeFileSync(path('ca.cnf'), CONFIGURATION.replaceAll('@', directory));
  writeFileSync(path('index'), '');
  writeFileSync(path('serial'), '1000\n');
  const genkey = (name: string, kind: keyof typeof KEYS) => {
    const [algorithm = '', option = ''] = KEYS[kind];
    openssl('genpkey', '-algorithm', algorithm, '-pkeyopt', option, '-out', `${name}.key`);
  };
  const time = (ms: number) => `${new Date(ms).toISOString().replace(/[-:T]|\.\d+Z$/g, '')}Z`;
  const sign = (name: string, by: string, extensions: string, from_ms: number, to_ms: number) => {
    const dates = ['-startdate', time(from_ms), '-enddate', time(to_ms)];
    const issuer = by === name ? ['-selfsign', '-keyfile', `${by}.key`] : ['-cert', `${by}.crt`, '-keyfile', `${by}.key`];
    openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', ...issuer, ...dates, '-extfile', extensions, '-in', `${name}.csr`, '-out', `${name}.crt`);
  };
  const request = (name: string, subject: string) =>
    openssl('req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`);
  writeFileSync(path('authority.ext'), 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n');
  for (const [name, by] of [
    ['root', 'root'],
    ['middle', 'root'],
  ] as const) {
    genkey(name, 'ec');
    request(name, `/O=Test authority/CN=Test ${name}`);
    sign(name, by, 'authority.ext', Date.now() - 400 * DAY_MS, Date.now() + 4_000 * DAY_MS);
  }
  let count = 0;
  return {
    root: read('root.crt'),
    intermediate: read('middle.crt'),
    issue: (names, { days = 90, starts_in_days = 0, key = 'ec' } = {}) => {
      count += 1;
      const name = `leaf${count}`;
      genkey(name, key);
      request(name, `/CN=leaf ${count}`);
      const alternatives = names.length === 0 ? '' : `subjectAltName=${names.map((one) => `DNS:${one}`).join(',')}\n`;
      writeFileSync(path(`${name}.ext`), `basicConstraints=CA:FALSE\n${alternatives}`);
      const from_ms = Date.now() + starts_in_days * DAY_MS - (days < 0 ? 100 * DAY_MS : 0);
      sign(name, 'middle', `${name}.ext`, from_ms, Date.now() + days * DAY_MS);
      return { certificate: read(`${name}.crt`), key: read(`${name}.key`) };
    },
    encrypt: (key) => {
      writeFileSync(path('plain.key'), key);
      openssl('pkey', '-in', 'plain.key', '-aes256', '-passout', 'pass:secret', '-out', 'closed.key');
      return read('closed.key');
    },
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}

const CONFIGURATION = `[ca]
default_ca = one
[one]
dir = @
new_certs_dir = @
database = @/index
serial = @/serial
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
organizationName = optional
`;

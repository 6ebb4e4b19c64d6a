/**
 * OpenSSH's known_hosts (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): plain and hashed names, patterns and negation, `[host]:port`,
 * `@revoked`. Pure: text in, verdict out. Lines that cannot be understood are passed over, as OpenSSH does.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface HostKey {
  /** Such as `ssh-ed25519`: the first field of the key blob. */
  type: string;
  /** The public key in SSH wire format. */
  blob: Buffer;
}

export interface HostName {
  address: string;
  port: number;
}

export type HostKeyVerdict =
  | { kind: 'known' }
  | { kind: 'unknown' }
  /** Other keys are recorded for this host, and the offered one is not among them. */
  | { kind: 'changed'; known: HostKey[] }
  | { kind: 'revoked' };

interface Entry {
  marker: 'revoked' | 'cert-authority' | null;
  names: string;
  key: HostKey;
}

/**
 * Judges the key that a server offers. A key of another type than those recorded counts as changed, not as unknown: else an attacker
 * would only have to offer a key of a type that is not recorded.
 */
export function judgeHostKey(text: string, host: HostName, offered: HostKey): HostKeyVerdict {
  const entries = parseKnownHosts(text).filter((entry) => entry.marker !== 'cert-authority');
  const name = hostNameField(host);
  const own = entries.filter((entry) => namesInclude(entry.names, name));
  if (own.some((entry) => entry.marker === 'revoked' && isSameKey(entry.key, offered))) return { kind: 'revoked' };
  const known = own.filter((entry) => entry.marker === null).map((entry) => entry.key);
  if (known.some((key) => isSameKey(key, offered))) return { kind: 'known' };
  return known.length === 0 ? { kind: 'unknown' } : { kind: 'changed', known };
}

/** The key types recorded for a host, so that the server can be asked for one of them first, as OpenSSH does. */
export function knownKeyTypes(text: string, host: HostName): string[] {
  const name = hostNameField(host);
  const own = parseKnownHosts(text).filter((entry) => entry.marker === null && namesInclude(entry.names, name));
  return [...new Set(own.map((entry) => entry.key.type))];
}

/** The line (without line end) that records a key for a host. */
export function formatEntry(host: HostName, key: HostKey): string {
  return `${hostNameField(host)} ${key.type} ${key.blob.toString('base64')}`;
}

/** The fingerprint as OpenSSH prints it: `SHA256:` and unpadded base64. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** The type named at the start of a public key in wire format (RFC 4253 §6.6); throws if there is none. */
export function keyTypeOf(blob: Buffer): string {
  const length = blob.length >= 4 ? blob.readUInt32BE(0) : 0;
  if (length === 0 || length > 64 || blob.length < 4 + length) throw new Error('not a public key in SSH wire format');
  return blob.subarray(4, 4 + length).toString('latin1');
}

/** Whether a blob is a row of length-prefixed fields to its very end, as every public key is: a line cut off by a crash is not. */
function isWhole(blob: Buffer): boolean {
  let at = 0;
  while (at + 4 <= blob.length) at += 4 + blob.readUInt32BE(at);
  return at > 4 && at === blob.length;
}

/** `host` for port 22, else `[host]:port`; names are compared in lower case. */
function hostNameField({ address, port }: HostName): string {
  const lower = address.toLowerCase();
  return port === 22 ? lower : `[${lower}]:${port}`;
}

function parseKnownHosts(text: string): Entry[] {
  return text.split('\n').flatMap((line) => parseLine(line.trim()) ?? []);
}

function parseLine(line: string): Entry | null {
  if (line === '' || line.startsWith('#')) return null;
  const fields = line.split(/[ \t]+/);
  const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined;
  if (marker !== undefined && marker !== '@revoked' && marker !== '@cert-authority') return null;
  const [names, type, encoded] = fields;
  if (names === undefined || type === undefined || encoded === undefined || !/^[A-Za-z0-9+/]+=*$/.test(encoded)) return null;
  const blob = Buffer.from(encoded, 'base64');
  if (!isWhole(blob) || keyTypeOf(blob) !== type) return null;
  return { marker: marker === '@revoked' ? 'revoked' : marker ? 'cert-authority' : null, names, key: { type, blob } };
}

function namesInclude(names: string, wanted: string): boolean {
  if (names.startsWith('|')) return isHashOf(names, wanted);
  const patterns = names.toLowerCase().split(',');
  const isExcluded = patterns.some((pattern) => pattern.startsWith('!') && matchesPattern(pattern.slice(1), wanted));
  return !isExcluded && patterns.some((pattern) => !pattern.startsWith('!') && matchesPattern(pattern, wanted));
}

/** `|1|salt|hash`: HMAC-SHA1 of the name under the salt, both in base64. */
function isHashOf(field: string, wanted: string): boolean {
  const [, version, salt, hash] = field.split('|');
  if (version !== '1' || salt === undefined || hash === undefined) return false;
  const expected = Buffer.from(hash, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(wanted).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** `*` and `?` as in ssh_config(5) PATTERNS; at worst the product of both lengths, never exponential. */
function matchesPattern(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

function isSameKey(a: HostKey, b: HostKey): boolean {
  return a.type === b.type && a.blob.equals(b.blob);
}

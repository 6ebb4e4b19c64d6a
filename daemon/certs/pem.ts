/** Reads certificates and keys as PEM, and judges a pair before anything serves it. Pure. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { CertificateFacts } from '../contract/certificates.ts';
import { DomainError } from '../contract/errors.ts';
import type { Lifetime } from './policy.ts';
import type { Pair } from './ports.ts';

const DAY_MS = 86_400_000;
/** OpenSSL of Debian, and every browser, refuses less. */
const RSA_BITS_MIN = 2_048;
const CHAIN_MAX = 10;
const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Every certificate of a text, in its order; what else is in it is passed over. Throws a plain Error for one that cannot be read. */
export function readChain(pem: string): X509Certificate[] {
  return (pem.match(BLOCK) ?? []).map((block) => new X509Certificate(block));
}

/** Null for a text without a readable certificate. */
export function readLeaf(pem: string): X509Certificate | null {
  try {
    return readChain(pem)[0] ?? null;
  } catch {
    return null;
  }
}

export function factsOf(certificate: X509Certificate, now: Date): CertificateFacts {
  const { not_before_ms, not_after_ms } = lifetimeOf(certificate);
  return {
    fingerprint: fingerprintOf(certificate),
    subject: nameWords(certificate.subject),
    issuer: nameWords(certificate.issuer),
    names: namesOf(certificate),
    not_before: new Date(not_before_ms).toISOString(),
    not_after: new Date(not_after_ms).toISOString(),
    days_left: Math.floor(((not_after_ms - now.getTime()) / DAY_MS) * 100) / 100,
  };
}

/** SHA-256 of its DER form, as 64 hexadecimal digits. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

export function lifetimeOf(certificate: X509Certificate): Lifetime {
  return { not_before_ms: Date.parse(certificate.validFrom), not_after_ms: Date.parse(certificate.validTo) };
}

/** As a browser judges: by the alternative names alone (RFC 9525 §4). */
export function isValidFor(certificate: X509Certificate, domain: string): boolean {
  return certificate.checkHost(domain, { subject: 'never' }) !== undefined;
}

function namesOf({ subjectAltName }: X509Certificate): string[] {
  const entries = (subjectAltName ?? '').split(', ').map((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1]);
  return entries.filter((name) => name !== undefined);
}

/** Of a distinguished name, one attribute a line: the common name, and the organisation. */
function nameWords(name: string | undefined): string {
  const value = (key: string) => new RegExp(`^${key}=(.+)$`, 'm').exec(name ?? '')?.[1];
  const [common, organization] = [value('CN'), value('O')];
  if (common === undefined) return organization ?? '';
  return organization === undefined || organization === common ? common : `${common} (${organization})`;
}

/**
 * The pair as it is to be kept: the chain alone, one certificate after the other, and the key. Throws `invalid_request` that names the
 * field and the remedy. `findsIssuer` says whether this host trusts the issuer of the chain's last, which need not be in it.
 */
export function checkPair(
  { domain, certificate, key }: Pair & { domain: string },
  { now, findsIssuer }: { now: Date; findsIssuer: (last: X509Certificate) => boolean },
): Pair {
  const chain = readGivenChain(certificate);
  const [leaf] = chain;
  if (leaf === undefined) throw refusal('certificate', 'there is no certificate in it; use the certificate of the domain in PEM');
  const private_key = readKey(key);
  checkKey(chain, leaf, private_key);
  for (const each of chain) checkTimes(each, each === leaf ? 'it' : `its intermediate ${nameWords(each.subject)}`, now);
  if (!isValidFor(leaf, domain)) {
    const names = namesOf(leaf);
    const for_ = names.length === 0 ? 'no name at all' : names.slice(0, 5).join(', ');
    throw refusal('certificate', `it is valid for ${for_}, and not for ${domain}; import the one that was issued for ${domain}`);
  }
  checkOrder(chain);
  const last = chain.at(-1) ?? leaf;
  if (!isSelfSigned(last) && !findsIssuer(last)) {
    const message = `the chain ends with ${nameWords(last.subject)}, whose issuer ${nameWords(last.issuer)} this host does not know; append the intermediates that came with the certificate (often called chain or bundle), up to the root of a private authority`;
    throw refusal('certificate', message);
  }
  return {
    certificate: chain.map((each) => each.toString()).join(''),
    key: private_key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function readGivenChain(pem: string): X509Certificate[] {
  let chain: X509Certificate[];
  try {
    chain = readChain(pem);
  } catch (cause) {
    throw refusal('certificate', 'it cannot be read as certificates in PEM; copy the file as a whole', cause);
  }
  if (chain.length <= CHAIN_MAX) return chain;
  throw refusal('certificate', `there are ${chain.length} certificates in it; use the chain of this one alone`);
}

function readKey(pem: string): KeyObject {
  // PKCS #8 says so in its first line, the older form in a header.
  if (/BEGIN ENCRYPTED PRIVATE KEY|^Proc-Type: 4,ENCRYPTED/m.test(pem))
    throw refusal('key', 'it has a passphrase; take that off with `openssl pkey -in KEY -out OPEN-KEY` and import the result');
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw refusal(
      'key',
      'it cannot be read as a private key in PEM; use the file that the certificate was requested with',
      cause,
    );
  }
}

function checkKey(chain: readonly X509Certificate[], leaf: X509Certificate, key: KeyObject): void {
  if (!leaf.checkPrivateKey(key)) {
    if (chain.some((each) => each.checkPrivateKey(key)))
      throw refusal('certificate', 'the certificate of the domain is not the first; put it before its intermediates');
    throw refusal('key', 'it does not belong to the certificate; use the key that the certificate was requested with');
  }
  const { modulusLength = RSA_BITS_MIN } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < RSA_BITS_MIN)
    throw refusal('key', `it has ${modulusLength} bits only, which browsers and proxies refuse; use ${RSA_BITS_MIN} or more`);
}

function checkTimes(certificate: X509Certificate, what: string, now: Date): void {
  const { not_before_ms, not_after_ms } = lifetimeOf(certificate);
  const at = (ms: number) => new Date(ms).toISOString();
  if (not_after_ms <= now.getTime())
    throw refusal('certificate', `${what} expired at ${at(not_after_ms)}; have it renewed by its authority`);
  if (not_before_ms > now.getTime())
    throw refusal('certificate', `${what} is not valid before ${at(not_before_ms)}; check the clock of this host, or wait`);
}

function checkOrder(chain: readonly X509Certificate[]): void {
  for (const [index, each] of chain.entries()) {
    const issuer = chain[index + 1];
    if (issuer === undefined || isIssuerOf(each, issuer)) continue;
    const isElsewhere = chain.some((other) => other !== each && isIssuerOf(each, other));
    const remedy = isElsewhere
      ? "put each certificate's issuer right after it"
      : `put ${nameWords(each.issuer)} there, which did, and leave out what does not belong to it`;
    throw refusal(
      'certificate',
      `${nameWords(issuer.subject)} follows ${nameWords(each.subject)} and has not issued it; ${remedy}`,
    );
  }
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
}

/** By name and by signature. */
export function isIssuerOf(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function refusal(field: 'certificate' | 'key', message: string, cause?: unknown): DomainError {
  const details = [{ field, message }];
  return new DomainError('invalid_request', `Field "${field}" is not valid: ${message}.`, { details, cause });
}

import { createPrivateKey as createKey, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DomainError } from '../contract/errors.ts';
import { checkPair, factsOf, isIssuerOf, readChain, readLeaf } from './pem.ts';
import { selfSigned } from './self-signed.ts';
import { createTestAuthority, type TestAuthority } from './test-authority.ts';
import { isPlaceholder } from './verdict.ts';

const DOMAIN = 'shop.example.com';
let authority: TestAuthority;
beforeAll(() => {
  authority = createTestAuthority();
});
afterAll(() => authority.close());

const trusting = (last: X509Certificate) => isIssuerOf(last, new X509Certificate(authority.root));
function judge(certificate: string, key: string, findsIssuer = trusting) {
  try {
    return checkPair({ domain: DOMAIN, certificate, key }, { now: new Date(), findsIssuer });
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== 'invalid_request') throw error;
    const [{ field, message } = { field: '', message: '' }] = error.details as { field: string; message: string }[];
    return `${field}: ${message}`;
  }
}

describe('a pair', () => {
  it('that is good is kept as its chain and its key, whatever stood beside them', () => {
    for (const key of ['ec', 'rsa'] as const) {
      const leaf = authority.issue([DOMAIN, 'www.example.com'], { key });
      const bundle = `Bag Attributes\r\n${leaf.key}${leaf.certificate}junk\n${authority.intermediate}`;
      const kept = judge(bundle, leaf.key);
      if (typeof kept === 'string') throw new Error(kept);
      expect(readChain(kept.certificate).map((each) => each.fingerprint256)).toEqual(
        readChain(leaf.certificate + authority.intermediate).map((each) => each.fingerprint256),
      );
      expect(kept.certificate).not.toContain('PRIVATE');
      expect(readLeaf(kept.certificate)?.checkPrivateKey(createKey(kept.key))).toBe(true);
    }
  });

  it('may end with the root of an authority that this host does not know, or be valid for a wildcard', () => {
    const leaf = authority.issue(['*.example.com']);
    expect(judge(leaf.certificate + authority.intermediate + authority.root, leaf.key, () => false)).toBeTypeOf('object');
  });

  it('that is not is refused with the field and what to do', () => {
    const good = authority.issue([DOMAIN]);
    const other = authority.issue([DOMAIN]);
    const expired = authority.issue([DOMAIN], { days: -1 });
    const early = authority.issue([DOMAIN], { starts_in_days: 2 });
    const foreign = authority.issue(['other.example.com', 'example.com']);
    const nameless = authority.issue([]);
    const weak = authority.issue([DOMAIN], { key: 'weak' });
    const { intermediate, root } = authority;
    const refusals: [string, string, RegExp][] = [
      ['', good.key, /^certificate: there is no certificate in it/],
      [good.key, good.key, /^certificate: there is no certificate in it/],
      [good.certificate.replace(/\n[^-]{20}/, '\nAAAAAAAAAAAAAAAAAAAA'), good.key, /^certificate: it cannot be read/],
      [good.certificate + intermediate, good.certificate, /^key: it cannot be read as a private key/],
      [good.certificate + intermediate, authority.encrypt(good.key), /^key: it has a passphrase; take that off with `openssl pkey/],
      [good.certificate + intermediate, other.key, /^key: it does not belong to the certificate/],
      [intermediate + good.certificate, good.key, /^certificate: the certificate of the domain is not the first/],
      [good.certificate + root + intermediate, good.key, /^certificate: Test root.* follows leaf .* and has not issued it; put each/],
      [good.certificate + root, good.key, /has not issued it; put Test middle .* there/],
      [good.certificate, good.key, /^certificate: the chain ends with leaf .* Test middle .* append the intermediates/],
      [expired.certificate + intermediate, expired.key, /^certificate: it expired at .*; have it renewed/],
      [early.certificate + intermediate, early.key, /^certificate: it is not valid before/],
      [foreign.certificate + intermediate, foreign.key, /valid for other.example.com, example.com, and not for shop.example.com/],
      [nameless.certificate + intermediate, nameless.key, /valid for no name at all/],
      [weak.certificate + intermediate, weak.key, /^key: it has 1024 bits only/],
      [good.certificate + intermediate.repeat(10), good.key, /^certificate: there are 11 certificates in it/],
    ];
    for (const [certificate, key, complaint] of refusals) expect(judge(certificate, key)).toMatch(complaint);
  });
});

describe('a placeholder', () => {
  it('is a certificate of the name and its key, known as one, that no one takes for real', () => {
    const now = new Date('2026-06-01T10:20:30Z');
    for (const domain of [DOMAIN, `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.example`]) {
      const { certificate, key } = selfSigned(domain, now);
      const leaf = new X509Certificate(certificate);
      expect(isPlaceholder(leaf)).toBe(true);
      expect(leaf.checkHost(domain, { subject: 'never' })).toBe(domain);
      expect(leaf.checkPrivateKey(createKey(key))).toBe(true);
      expect(leaf.verify(leaf.publicKey)).toBe(true);
      expect(factsOf(leaf, now)).toMatchObject({ issuer: 'NextDeploy placeholder', names: [domain], not_before: '2026-05-31T10:20:30.000Z' });
    }
    expect(isPlaceholder(new X509Certificate(authority.root))).toBe(false);
  });
});

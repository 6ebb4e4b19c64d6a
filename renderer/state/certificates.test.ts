import { describe, expect, it } from 'vitest';
import { busyCertificates } from '../testing/scripted-certificates.ts';
import { pemText, readCertificateForm } from './certificate-form.ts';
import { certificatesOf, countInNeed, inOrderOfNeed, issuerText, leftText, lifeLeft } from './certificates.ts';

const NOW = Date.parse('2026-11-28T12:00:00.000Z');
const facts = (left_days: number, life_days = 90) => ({
  ...{ fingerprint: 'ab', subject: 'CN=x', issuer: 'CN=R11', names: ['x'], days_left: left_days },
  not_before: new Date(NOW + (left_days - life_days) * 86_400_000).toISOString(),
  not_after: new Date(NOW + left_days * 86_400_000).toISOString(),
});

describe('certificates', () => {
  it('stand in the order in which they need somebody', () => {
    const states = inOrderOfNeed(busyCertificates()).map(({ state }) => state);
    expect(states.slice(0, 5)).toEqual(['expired', 'missing', 'mismatched', 'unreachable', 'expiring']);
    expect(states.at(-1)).toBe('ok');
    expect(countInNeed(busyCertificates())).toBe(5);
  });

  it('of an app are those that name it, and those of its names', () => {
    const own = certificatesOf(busyCertificates(), 'shop', ['shop.example.com', 'grafana.example.com']);
    expect(own.map(({ domain }) => domain)).toEqual(['www.shop.example.com', 'shop.example.com', 'grafana.example.com']);
  });

  it('have a part of their life left, and days', () => {
    expect([90, 45, 0, -3].map((days) => lifeLeft(facts(days), NOW))).toEqual([1, 0.5, 0, 0]);
    expect(lifeLeft({ ...facts(1), not_before: facts(1).not_after }, NOW)).toBe(0);
    const texts = [62, 1.5, 0.3, -0.2, -3].map((days) => leftText(facts(days), NOW));
    expect(texts).toEqual(['62 days left', '1 day left', '7 hours left', 'expired today', 'expired 3 days ago']);
  });

  it('are told by the authority, however its name is written', () => {
    expect(issuerText("C=US, O=Let's Encrypt, CN=R11")).toBe("Let's Encrypt R11");
    expect(issuerText('CN=Pebble Intermediate CA 1a2b')).toBe('Pebble Intermediate CA 1a2b');
    expect(issuerText('C=US\nO=Acme\nCN=Acme')).toBe('Acme');
    expect(issuerText('somebody')).toBe('somebody');
  });
});

describe('a form of an import', () => {
  const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const KEY = '-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n';

  it('is a request', () => {
    const form = { domain: ' Shop.Example.com ', certificate: PEM, key: KEY };
    expect(readCertificateForm(form)).toEqual({ body: { domain: 'shop.example.com', certificate: PEM, key: KEY } });
  });

  it('says at its field what is missing or mistaken, and never what was typed', () => {
    expect(readCertificateForm({ domain: '', certificate: '', key: '' })).toEqual({
      errors: {
        domain: 'Name the domain',
        certificate: 'Paste the certificate, or choose its file',
        key: 'Paste its private key, or choose its file',
      },
    });
    const domain = 'a.example.com';
    expect(readCertificateForm({ domain, certificate: KEY, key: PEM })).toMatchObject({
      errors: { certificate: expect.stringContaining('private key'), key: expect.stringContaining('is a certificate') },
    });
    const encrypted = KEY.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE');
    expect(readCertificateForm({ domain, certificate: PEM, key: encrypted })).toHaveProperty(
      'errors.key',
      expect.stringContaining('passphrase'),
    );
    const wrong = readCertificateForm({ domain, certificate: 'hunter2', key: 'hunter2' });
    expect(wrong).toHaveProperty('errors.key');
    expect(JSON.stringify(wrong)).not.toContain('hunter2');
  });

  it('counts what was pasted', () => {
    expect([pemText('x'), pemText(PEM), pemText(PEM + PEM)]).toEqual([
      null,
      'One certificate, without intermediates.',
      '2 certificates: the site’s and 1 above it.',
    ]);
  });
});

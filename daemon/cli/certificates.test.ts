import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleCertificate } from '../api/test-server.ts';
import type { Certificate } from '../contract/certificates.ts';
import { DomainError } from '../contract/errors.ts';
import { certificateTable } from './certificate-views.ts';
import { nextdeploy } from './test-command.ts';

const DOMAIN = 'shop.example.com';

describe('certs', () => {
  it('lists what is served, the days that are left, and beneath what is wrong', () => {
    const pending: Certificate = {
      ...sampleCertificate,
      ...{
        domain: 'new.example.com',
        app_name: null,
        proxy: 'caddy',
        source: 'caddy',
        state: 'pending',
        served: null,
        stored: null,
      },
      ...{ detail: 'None could be obtained yet: 404.', next_renewal_at: null },
    };
    const short: Certificate = { ...sampleCertificate, served: { ...sampleCertificate.served!, days_left: 0.5 } };
    const lines = certificateTable([sampleCertificate, pending, short], 120).split('\n');
    expect(lines[1]).toMatch(/^shop\.example\.com +shop +ok +45 d +certbot, nginx +2026-03-02 +R3 \(Let's Encrypt\)$/);
    expect(lines[2]).toMatch(/^new\.example\.com +- +pending +- +caddy +- +-$/);
    expect(lines[3]).toMatch(/ 12 h /);
    expect(lines.at(-1)).toBe('new.example.com: None could be obtained yet: 404.');
    expect(certificateTable([], 80)).toBe('No domain is served with TLS yet.');
  });

  it('are asked for as JSON, too', async () => {
    expect(JSON.parse((await nextdeploy(['certs', '--json'])).out)).toEqual([sampleCertificate]);
  });

  it('renew says until when the new one is good, or what the authority said', async () => {
    const done = await nextdeploy(['certs', 'renew', DOMAIN]);
    expect(done.out).toBe(`The new certificate of ${DOMAIN} is served and expires at ${sampleCertificate.served?.not_after}.\n`);
    expect(done.calls.map(({ name, request }) => [name, request.body])).toEqual([['renewCertificate', { domain: DOMAIN }]]);
    const refused = () => Promise.reject(new DomainError('unprocessable', 'The authority limits requests.'));
    const failed = await nextdeploy(['certs', 'renew', DOMAIN], { handlers: { renewCertificate: refused } });
    expect(failed).toMatchObject({ code: 6, err: expect.stringContaining('The authority limits requests.') });
  });

  it('import sends both files, and names the one that is not there', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nextdeploy-cli-certs-'));
    const [cert, key] = [join(directory, 'chain.pem'), join(directory, 'key.pem')];
    const pem = (kind: string) => `-----BEGIN ${kind}-----\nMIIB\n-----END ${kind}-----\n`;
    try {
      writeFileSync(cert, pem('CERTIFICATE'));
      const args = ['certs', 'import', DOMAIN, '--cert', cert, '--key', key];
      expect(await nextdeploy(args)).toMatchObject({ code: 2, err: expect.stringContaining('key.pem: it does not exist') });
      writeFileSync(key, pem('PRIVATE KEY'));
      const { code, calls } = await nextdeploy(args);
      expect(code).toBe(0);
      expect(calls[0]?.request.body).toEqual({ domain: DOMAIN, certificate: pem('CERTIFICATE'), key: pem('PRIVATE KEY') });
      // The two exchanged.
      writeFileSync(key, 'no PEM');
      expect((await nextdeploy(args)).err).toContain('use the private key without a passphrase in PEM');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('remove asks for the domain once more', async () => {
    const { code, calls } = await nextdeploy(['certs', 'remove', DOMAIN]);
    expect({ code, calls: calls.length }).toEqual({ code: 2, calls: 0 });
    const done = await nextdeploy(['certs', 'remove', DOMAIN, '--yes']);
    expect(done.out).toBe(`The imported certificate of ${DOMAIN} is removed.\n`);
    expect(done.calls[0]?.request.params).toEqual({ domain: DOMAIN });
  });
});

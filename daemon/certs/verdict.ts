/** What is to be said of a certificate, from what is served and what is kept. Pure. */
import type { X509Certificate } from 'node:crypto';
import type { Certificate, CertificateSource, CertificateState } from '../contract/certificates.ts';
import type { ProxyType } from '../contract/names.ts';
import { fingerprintOf, isValidFor, lifetimeOf } from './pem.ts';
import { isExpiring } from './policy.ts';
import { PLACEHOLDER_ISSUER } from './self-signed.ts';

export interface Seen {
  domain: string;
  source: CertificateSource;
  proxy: ProxyType;
  served:
    | { kind: 'certificate'; certificate: X509Certificate }
    | { kind: 'absent'; detail: string }
    | { kind: 'unreachable'; detail: string };
  /** Null: none has been obtained or imported, or it cannot be seen. */
  stored: X509Certificate | null;
  last_attempt: Certificate['last_attempt'];
  now: Date;
}

interface Verdict {
  state: CertificateState;
  detail: string;
}

export function isPlaceholder(certificate: X509Certificate): boolean {
  return certificate.issuer === `O=${PLACEHOLDER_ISSUER}`;
}

/** The first that holds, from the worst that a visitor sees to the best. */
export function verdictOf(seen: Seen): Verdict {
  const { domain, source, proxy, served, stored } = seen;
  if (served.kind === 'unreachable')
    return {
      state: 'unreachable',
      detail: `The proxy accepts no connection: ${served.detail}. See \`systemctl status ${proxy}\`.`,
    };
  if (served.kind === 'absent' || isPlaceholder(served.certificate)) return unserved(seen);
  const { certificate } = served;
  if (!isValidFor(certificate, domain))
    return { state: 'mismatched', detail: `What is served is not valid for ${domain}. ${reloadHint(proxy)}` };
  if (stored !== null && fingerprintOf(certificate) !== fingerprintOf(stored))
    return { state: 'mismatched', detail: `Another certificate is served than the one that is kept. ${reloadHint(proxy)}` };
  return lasting(seen, certificate, source);
}

function unserved({ domain, source, proxy, stored, last_attempt }: Seen): Verdict {
  if (stored !== null)
    return { state: 'missing', detail: `There is a certificate, but ${proxy} serves none. ${reloadHint(proxy)}` };
  if (source === 'imported')
    return { state: 'missing', detail: `Import one with \`nextdeploy certs import ${domain} --cert FILE --key FILE\`.` };
  if (last_attempt !== null && !last_attempt.ok)
    return { state: 'pending', detail: `None could be obtained yet: ${last_attempt.message}` };
  return { state: 'pending', detail: 'It is being obtained.' };
}

function lasting({ now, last_attempt }: Seen, certificate: X509Certificate, source: CertificateSource): Verdict {
  const lifetime = lifetimeOf(certificate);
  const at = new Date(lifetime.not_after_ms).toISOString();
  const why = last_attempt !== null && !last_attempt.ok ? ` The last attempt to renew it failed: ${last_attempt.message}` : '';
  const remedy = source === 'imported' ? ' Import its successor.' : why;
  if (lifetime.not_after_ms <= now.getTime()) return { state: 'expired', detail: `It expired at ${at}.${remedy}` };
  if (isExpiring(lifetime, now.getTime())) return { state: 'expiring', detail: `It expires at ${at}.${remedy}` };
  return { state: 'ok', detail: why === '' ? 'It is served, and valid.' : `It is served, and valid.${why}` };
}

const reloadHint = (proxy: ProxyType) => `Look at \`journalctl -u ${proxy}\`, and reload it with \`systemctl reload ${proxy}\`.`;

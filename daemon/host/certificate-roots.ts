/** Whom this host trusts to issue certificates. */
import { X509Certificate } from 'node:crypto';
import { getCACertificates } from 'node:tls';

/** Whether one of the host's roots, or of those that come with Node (Mozilla's list), has issued it. */
export function findsIssuer(certificate: X509Certificate): boolean {
  const roots = new Set([...getCACertificates('system'), ...getCACertificates('bundled')]);
  return [...roots].some((pem) => hasIssued(pem, certificate));
}

function hasIssued(pem: string, certificate: X509Certificate): boolean {
  try {
    const root = new X509Certificate(pem);
    return certificate.checkIssued(root) && certificate.verify(root.publicKey);
  } catch {
    return false; // a store may hold what cannot be read
  }
}

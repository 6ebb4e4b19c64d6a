/** Certificates over the API. */
import type { Certificates } from '../certs/certificates.ts';
import type { Handlers } from './handlers.ts';

type CertificateHandlers = Pick<Handlers, 'listCertificates' | 'renewCertificate' | 'importCertificate' | 'removeCertificate'>;

export function createCertificateHandlers(
  certificates: Pick<Certificates, 'list' | 'renew' | 'import' | 'remove'>,
): CertificateHandlers {
  return {
    listCertificates: ({ context }) => certificates.list(context.signal),
    renewCertificate: ({ body, context }) => certificates.renew(body.domain, context.signal),
    importCertificate: ({ body: { domain, ...pair }, context }) => certificates.import(domain, pair, context.actor),
    removeCertificate: ({ params }) => certificates.remove(params.domain),
  };
}

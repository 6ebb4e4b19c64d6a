/** The part of the table of REST endpoints that is about certificates. */
import { z } from 'zod';
import { certificateImportRequestSchema, certificateRenewRequestSchema, certificateSchema } from './certificates.ts';
import { domainNameSchema } from './names.ts';
import { noParams, noQuery, nothing, route } from './route.ts';

export const certificateRoutes = {
  listCertificates: route({
    method: 'GET',
    path: '/certs',
    kind: 'read',
    role: 'viewer',
    apps: 'filtered',
    summary: 'List the certificates as they are served now, beside what is kept of them and when they are renewed.',
    params: noParams,
    query: noQuery,
    body: nothing,
    response: z.array(certificateSchema),
  }),
  renewCertificate: route({
    method: 'POST',
    path: '/certs/renew',
    kind: 'change',
    role: 'operator',
    apps: 'never',
    summary: 'Obtain a new certificate for a domain now, and answer when it is served.',
    params: noParams,
    query: noQuery,
    body: certificateRenewRequestSchema,
    response: certificateSchema,
  }),
  importCertificate: route({
    method: 'POST',
    path: '/certs/import',
    kind: 'change',
    role: 'operator',
    apps: 'never',
    summary: 'Keep a certificate of your own for a domain, and serve it where a route with tls import waits for it.',
    params: noParams,
    query: noQuery,
    body: certificateImportRequestSchema,
    response: certificateSchema,
  }),
  removeCertificate: route({
    method: 'DELETE',
    path: '/certs/:domain',
    kind: 'change',
    role: 'operator',
    apps: 'never',
    summary: 'Forget an imported certificate that no route uses.',
    params: z.strictObject({ domain: domainNameSchema }),
    query: noQuery,
    body: nothing,
    response: z.strictObject({ domain: z.string() }),
  }),
};

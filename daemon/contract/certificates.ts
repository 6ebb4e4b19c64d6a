/** Certificates of the sites: what is kept, what is served, and what happens next. */
import { z } from 'zod';
import { LIMITS } from './limits.ts';
import { domainNameSchema, proxyTypeSchema, timestampSchema } from './names.ts';

/** Who obtains and renews it: Caddy itself, certbot on the daemon's behalf, or whoever imported it. */
export const certificateSourceSchema = z.enum(['caddy', 'certbot', 'imported']);
export type CertificateSource = z.infer<typeof certificateSourceSchema>;

export const certificateFactsSchema = z
  .strictObject({
    fingerprint: z.string().meta({ description: 'SHA-256 of the certificate, in hexadecimal digits' }),
    subject: z.string(),
    issuer: z.string(),
    names: z.array(z.string()).meta({ description: 'that it is valid for' }),
    not_before: timestampSchema,
    not_after: timestampSchema,
    days_left: z.number().meta({ description: 'below 0: expired' }),
  })
  .meta({ id: 'CertificateFacts' });
export type CertificateFacts = z.infer<typeof certificateFactsSchema>;

/**
 * - `ok`: what is served is valid for the domain, and what is kept.
 * - `pending`: none has been obtained yet, and it is being tried.
 * - `expiring`: served, with fewer than 14 days or a sixth of its lifetime left.
 * - `expired`: served, and no browser takes it any more.
 * - `mismatched`: another one is served than is kept, or one that is not for this domain.
 * - `missing`: none is served.
 * - `unreachable`: the proxy accepts no connection.
 */
export const certificateStateSchema = z.enum(['ok', 'pending', 'expiring', 'expired', 'mismatched', 'missing', 'unreachable']);
export type CertificateState = z.infer<typeof certificateStateSchema>;

export const certificateSchema = z
  .strictObject({
    domain: z.string(),
    app_name: z.string().nullable().meta({ description: 'null: of a route to a port, or of no route at all' }),
    proxy: proxyTypeSchema.nullable().meta({ description: 'null: no route uses it' }),
    source: certificateSourceSchema,
    state: certificateStateSchema,
    detail: z.string().meta({ description: 'one sentence, with the remedy where there is something wrong' }),
    served: certificateFactsSchema.nullable(),
    stored: certificateFactsSchema.nullable(),
    next_renewal_at: timestampSchema.nullable().meta({ description: 'null: nobody renews it by itself' }),
    last_attempt: z
      .strictObject({ at: timestampSchema, ok: z.boolean(), message: z.string() })
      .nullable()
      .meta({ description: 'to obtain or renew it' }),
    checked_at: timestampSchema,
  })
  .meta({ id: 'Certificate' });
export type Certificate = z.infer<typeof certificateSchema>;

export const certificateRenewRequestSchema = z.strictObject({ domain: domainNameSchema }).meta({ id: 'CertificateRenewRequest' });
export type CertificateRenewRequest = z.infer<typeof certificateRenewRequestSchema>;

const pem = (what: string, characters_max: number) =>
  z
    .string()
    .max(characters_max)
    .regex(
      /^[\x20-\x7e\r\n\t]*-----BEGIN [A-Z0-9 ]+-----[\x20-\x7e\r\n\t]*$/,
      `use ${what} in PEM, with its BEGIN and END lines`,
    );

export const certificateImportRequestSchema = z
  .strictObject({
    domain: domainNameSchema,
    certificate: pem('the certificate followed by its intermediates', LIMITS.certificate_characters_max),
    key: pem('the private key without a passphrase', LIMITS.certificate_key_characters_max),
  })
  .meta({ id: 'CertificateImportRequest' });
export type CertificateImportRequest = z.infer<typeof certificateImportRequestSchema>;

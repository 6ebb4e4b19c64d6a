/** Names and small values that everything in the contract is made of. */
import { z } from 'zod';
import { LIMITS } from './limits.ts';
import { isReservedAppName, PATTERNS } from './rules.ts';

export const appNameSchema = z
  .string()
  .max(LIMITS.app_name_length_max)
  .regex(
    PATTERNS.app_name,
    'use 2 to 40 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen',
  )
  .refine((name) => !isReservedAppName(name), 'this name is reserved; choose another')
  .meta({ id: 'AppName' });

export const projectNameSchema = z
  .string()
  .max(LIMITS.app_name_length_max)
  .regex(
    PATTERNS.app_name,
    'use 2 to 40 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen',
  )
  .meta({ id: 'ProjectName' });

export const domainNameSchema = z
  .string()
  .max(LIMITS.domain_length_max)
  .regex(PATTERNS.domain, 'use a host name such as shop.example.com, in lower case and without scheme, port or path')
  .meta({ id: 'DomainName' });

export const imageReferenceSchema = z
  .string()
  .max(LIMITS.image_reference_length_max)
  .regex(
    PATTERNS.image_reference,
    'use an image reference such as registry.example.com/shop:1.4, or shop@sha256: with 64 hexadecimal digits',
  )
  .meta({ id: 'ImageReference' });

export const releaseIdSchema = z
  .string()
  .regex(PATTERNS.release_id, 'use a release number such as r12')
  .meta({ id: 'ReleaseId' });
export const operationIdSchema = z
  .string()
  .regex(PATTERNS.operation_id, 'use an operation id such as op-…')
  .meta({ id: 'OperationId' });
export const timestampSchema = z.iso.datetime().meta({ description: 'RFC 3339, UTC' });
const PORT_MESSAGE = 'use a port from 1 to 65535';
export const portSchema = z.number(PORT_MESSAGE).int(PORT_MESSAGE).min(1, PORT_MESSAGE).max(65_535, PORT_MESSAGE);

export const slotSchema = z.enum(['blue', 'green']);
export type Slot = z.infer<typeof slotSchema>;

export const proxyTypeSchema = z.enum(['caddy', 'nginx']).meta({ description: 'the proxy that serves the app' });
export type ProxyType = z.infer<typeof proxyTypeSchema>;

export const tlsModeSchema = z.enum(['auto', 'off', 'import']).meta({
  description: 'auto: managed certificate, HTTP redirected. import: one that was imported, HTTP redirected. off: plain HTTP.',
});
export type TlsMode = z.infer<typeof tlsModeSchema>;

import { certificateImportRequestSchema } from '../../daemon/contract/certificates.ts';
import type { FieldError } from '../../daemon/contract/errors.ts';
import type { RouteBodyInput } from '../../daemon/contract/routes.ts';
import { sentence } from '../format.ts';

/** What the fields of the dialog hold. The key lives here alone, and only while the dialog is open. */
export interface CertificateForm {
  domain: string;
  certificate: string;
  key: string;
}
export type CertificateErrors = Partial<Record<keyof CertificateForm, string>>;

const MISSING: [keyof CertificateForm, string][] = [
  ['domain', 'Name the domain'],
  ['certificate', 'Paste the certificate, or choose its file'],
  ['key', 'Paste its private key, or choose its file'],
];

/** The request that the form stands for, or what is wrong with it. No message holds what was typed. */
export function readCertificateForm(
  form: CertificateForm,
): { body: RouteBodyInput<'importCertificate'> } | { errors: CertificateErrors } {
  const body = { domain: form.domain.trim().toLowerCase(), certificate: form.certificate, key: form.key };
  const parsed = certificateImportRequestSchema.safeParse(body);
  const complaints = (parsed.error?.issues ?? []).map(({ path, message }) => ({ field: path.join('.'), message }));
  const swapped = swappedError(form);
  const missing = MISSING.filter(([field]) => form[field].trim() === '');
  const errors = { ...certificateErrors(complaints), ...swapped, ...Object.fromEntries(missing) };
  return Object.keys(errors).length > 0 ? { errors } : { body };
}

/** What is easily mistaken: each is PEM, and each has its field. */
function swappedError({ certificate, key }: CertificateForm): CertificateErrors {
  const isKey = (text: string) => /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text);
  return {
    ...(isKey(certificate) ? { certificate: 'This holds a private key; the key has a field of its own' } : {}),
    ...(/-----BEGIN CERTIFICATE-----/.test(key) && !isKey(key) ? { key: 'This is a certificate, not a private key' } : {}),
    ...(/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(key)
      ? { key: 'The key has a passphrase; take that off it first (`openssl pkey -in KEY -out NEW`)' }
      : {}),
  };
}

/** The complaints of the contract or the daemon at the fields of the dialog. */
export function certificateErrors(complaints: readonly FieldError[]): CertificateErrors {
  const errors: CertificateErrors = {};
  for (const { field, message } of complaints) {
    if (field === 'domain' || field === 'certificate' || field === 'key') errors[field] ??= sentence(message);
  }
  return errors;
}

/** What a text holds, as far as it can be seen: `3 certificates`. */
export function pemText(text: string): string | null {
  const count = text.split('-----BEGIN CERTIFICATE-----').length - 1;
  if (count === 0) return null;
  return count === 1 ? 'One certificate, without intermediates.' : `${count} certificates: the site’s and ${count - 1} above it.`;
}

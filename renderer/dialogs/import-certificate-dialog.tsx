import { Autocomplete, Button, Group, Modal } from '@mantine/core';
import { useState } from 'react';
import type { Certificate } from '../../daemon/contract/certificates.ts';
import { LIMITS } from '../../daemon/contract/limits.ts';
import type { Host } from '../../preload/contract.ts';
import { type CertificateForm, certificateErrors, pemText, readCertificateForm } from '../state/certificate-form.ts';
import { useActions } from '../state/hooks.ts';
import { Notice } from '../ui/notice.tsx';
import { notifySuccess, notifyWarning } from '../ui/run.tsx';
import { PemField } from './certificates/pem-field.tsx';
import { ProductionNote } from './production-note.tsx';
import { useSubmission } from './use-submission.ts';

interface ImportCertificateDialogProps {
  opened: boolean;
  onClose(): void;
  host: Host;
  /** At first; empty: it is asked for. */
  domain: string;
  /** Domains that can be chosen. */
  domains: string[];
}

/** Takes a certificate of one's own: pasted or from files, checked by the daemon before anything is served. */
export function ImportCertificateDialog({ opened, onClose, ...form }: ImportCertificateDialogProps) {
  return (
    <Modal opened={opened} onClose={onClose} title="Import a certificate" size={620}>
      <ImportForm {...form} onClose={onClose} />
    </Modal>
  );
}

/** Mounted only while the dialog is open: with it, the key leaves. */
function ImportForm({ onClose, host, domain, domains }: Omit<ImportCertificateDialogProps, 'opened'>) {
  const actions = useActions();
  const [form, setForm] = useState<CertificateForm>({ domain, certificate: '', key: '' });
  const { errors, problem, isBusy, settle, onSubmit } = useSubmission({
    read: () => readCertificateForm(form),
    errorsOf: certificateErrors,
    send: async (body) => {
      const imported = await actions.importCertificate(host.id, body);
      onClose();
      tellImported(imported);
    },
  });
  const change = (field: keyof CertificateForm) => (value: string) => {
    setForm((held) => ({ ...held, [field]: value }));
    settle([field]);
  };
  return (
    <form className="nd-form" noValidate onSubmit={onSubmit}>
      {host.production ? <ProductionNote /> : null}
      <Autocomplete
        label="Domain"
        placeholder="shop.example.com"
        data={domains}
        autoComplete="off"
        spellCheck={false}
        data-autofocus={domain === ''}
        value={form.domain}
        error={errors.domain}
        onChange={change('domain')}
      />
      <PemField
        label="Certificate"
        placeholder={'-----BEGIN CERTIFICATE-----\n…'}
        description={pemText(form.certificate) ?? 'The site’s own first, then its intermediates, as the authority gave them.'}
        size_max={LIMITS.certificate_characters_max}
        value={form.certificate}
        error={errors.certificate}
        onChange={change('certificate')}
      />
      <PemField
        isSecret
        label="Private key"
        placeholder={'-----BEGIN PRIVATE KEY-----\n…'}
        description="Without a passphrase. It is kept on the server for its proxy alone, and never shown again."
        size_max={LIMITS.certificate_key_characters_max}
        value={form.key}
        error={errors.key}
        onChange={change('key')}
      />
      {problem === null ? null : <Notice tone="bad" title="The certificate was not imported" text={problem} />}
      <Group justify="flex-end" gap={8}>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="filled" loading={isBusy}>
          Check and import
        </Button>
      </Group>
    </form>
  );
}

/** Kept is not served: where no route waits for it, that is said. */
function tellImported({ domain, state, detail }: Certificate): void {
  if (state === 'ok' || state === 'expiring') notifySuccess(`The certificate of ${domain} is imported`, 'Visitors get it now.');
  else notifyWarning(`The certificate of ${domain} is kept`, detail);
}

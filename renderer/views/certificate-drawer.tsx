import { Button, Drawer } from '@mantine/core';
import { useState } from 'react';
import type { Certificate, CertificateFacts } from '../../daemon/contract/certificates.ts';
import { formatDateTime, sentence } from '../format.ts';
import { issuerText, SOURCE_TEXT } from '../state/certificates.ts';
import { Mark } from '../ui/mark.tsx';
import { Prose } from '../ui/prose.tsx';
import { Copyable, Facts } from '../ui/text.tsx';
import { CertificateMark, NONE, validText } from './certificate-parts.tsx';

/** What can be done with one certificate, wherever it is shown. */
export interface CertificateControls {
  onRenew(certificate: Certificate): void;
  onImport(certificate: Certificate): void;
  onRemove(certificate: Certificate): void;
}

interface CertificateDrawerProps {
  /** The one to show; undefined: closed. */
  certificate: Certificate | undefined;
  controls: CertificateControls;
  onClose(): void;
}

/** One certificate: what visitors get, what is kept, and what happens next. */
export function CertificateDrawer({ certificate, controls, onClose }: CertificateDrawerProps) {
  const [held, setHeld] = useState(certificate);
  if (certificate !== undefined && certificate !== held) setHeld(certificate);
  return (
    <Drawer opened={certificate !== undefined} onClose={onClose} position="right" size={620} title={held?.domain ?? ''}>
      {held === undefined ? null : <CertificateDetail certificate={held} controls={controls} />}
    </Drawer>
  );
}

function CertificateDetail({ certificate, controls }: Omit<CertificateDrawerProps, 'onClose'> & { certificate: Certificate }) {
  const { served, stored, source, next_renewal_at, last_attempt, checked_at } = certificate;
  const isSame = served !== null && served.fingerprint === stored?.fingerprint;
  return (
    <div className="nd-form">
      <div className="nd-operation-head">
        <span className="nd-grow">
          <CertificateMark certificate={certificate} />
        </span>
        {source === 'imported' ? (
          <>
            <Button size="compact-sm" onClick={() => controls.onImport(certificate)}>
              Import a new one…
            </Button>
            <Button size="compact-sm" onClick={() => controls.onRemove(certificate)}>
              Remove…
            </Button>
          </>
        ) : (
          <Button size="compact-sm" onClick={() => controls.onRenew(certificate)}>
            Renew…
          </Button>
        )}
      </div>
      {certificate.detail === '' ? null : (
        <p>
          <Prose text={sentence(certificate.detail)} />
        </p>
      )}
      <Facts
        rows={[
          ['Obtained', SOURCE_TEXT[source]],
          ['For', certificate.app_name ?? (certificate.proxy === null ? 'no route' : 'a route to a port')],
          ['Next renewal', next_renewal_at === null ? 'nobody renews it by itself' : formatDateTime(next_renewal_at)],
          [
            'Last attempt',
            last_attempt === null ? (
              'none on record'
            ) : (
              <span key="attempt" className="nd-wrap">
                {formatDateTime(last_attempt.at)}: {last_attempt.ok ? 'obtained' : <Prose text={last_attempt.message} />}
              </span>
            ),
          ],
          ['Checked', formatDateTime(checked_at)],
        ]}
      />
      <Side title={isSame ? 'Served, as it is kept' : 'Served to visitors'} facts={served} />
      {isSame ? null : <Side title="Kept on the server" facts={stored} />}
    </div>
  );
}

function Side({ title, facts }: { title: string; facts: CertificateFacts | null }) {
  return (
    <section className="nd-fact-group">
      <h3 className="nd-label">{title}</h3>
      {facts === null ? (
        <Mark meaning={NONE} />
      ) : (
        <Facts
          rows={[
            [
              'Names',
              <span key="names" className="nd-wrap">
                {facts.names.join(', ')}
              </span>,
            ],
            [
              'Issuer',
              <span key="issuer" title={facts.issuer}>
                {issuerText(facts.issuer)}
              </span>,
            ],
            ['Valid', validText(facts)],
            ['SHA-256', <Copyable key="fingerprint" value={facts.fingerprint} label="Copy the fingerprint" />],
          ]}
        />
      )}
    </section>
  );
}

import { type ReactNode, useMemo, useState } from 'react';
import type { Certificate } from '../../daemon/contract/certificates.ts';
import type { Host } from '../../preload/contract.ts';
import { ConfirmDialog } from '../dialogs/confirm-dialog.tsx';
import { ImportCertificateDialog } from '../dialogs/import-certificate-dialog.tsx';
import { useActions, useDaemon } from '../state/hooks.ts';
import { notifySuccess, notifyWarning, useRun } from '../ui/run.tsx';
import { type CertificateControls, CertificateDrawer } from './certificate-drawer.tsx';

interface CertificateQuestions {
  controls: CertificateControls;
  /** Shows one in full. */
  show(certificate: Certificate): void;
  /** Asks for a certificate of one's own, for any domain. */
  importAny(): void;
  /** To be rendered somewhere. */
  dialogs: ReactNode;
}

/** Each question keeps what it was about while its dialog fades. */
interface Asked {
  kind: 'renew' | 'import' | 'remove' | null;
  domain: string;
}

/** What an operator is asked before a certificate changes; one place for the views of a host and of an app. */
export function useCertificateQuestions(host: Host, certificates: readonly Certificate[]): CertificateQuestions {
  const actions = useActions();
  const { apps } = useDaemon(host.id);
  const { run } = useRun();
  const [asked, setAsked] = useState<Asked>({ kind: null, domain: '' });
  const [shown, setShown] = useState<string | null>(null);
  const closing = (kind: Asked['kind']) => () => setAsked((held) => (held.kind === kind ? { ...held, kind: null } : held));
  const controls = useMemo((): CertificateControls => {
    const about =
      (kind: Asked['kind']) =>
      ({ domain }: Certificate) => {
        setShown(null);
        setAsked({ kind, domain });
      };
    return { onRenew: about('renew'), onImport: about('import'), onRemove: about('remove') };
  }, []);
  const [show] = useState(
    () =>
      ({ domain }: Certificate) =>
        setShown(domain),
  );
  const renew = async () => {
    const { state, detail } = await actions.renewCertificate(host.id, asked.domain);
    if (state === 'ok') notifySuccess(`${asked.domain} has a new certificate`, 'Visitors get it now.');
    else notifyWarning(`${asked.domain} was renewed, but is not well`, detail);
  };
  const names = [...certificates.map(({ domain }) => domain), ...Object.values(apps).map(({ domain }) => domain)];
  return {
    controls,
    show,
    importAny: () => setAsked({ kind: 'import', domain: '' }),
    dialogs: (
      <>
        <CertificateDrawer
          certificate={certificates.find(({ domain }) => domain === shown)}
          controls={controls}
          onClose={() => setShown(null)}
        />
        <ConfirmDialog
          opened={asked.kind === 'renew'}
          onClose={closing('renew')}
          title={`Renew the certificate of ${asked.domain}`}
          text="The authority is asked for a new one now, and it is checked that visitors get it; that takes up to a minute, and nobody is interrupted. Authorities limit how often they are asked, and nothing has to be renewed by hand that is renewed by itself."
          action="Renew"
          isProduction={host.production}
          onConfirm={() => run('The certificate was not renewed', renew)}
        />
        <ImportCertificateDialog
          opened={asked.kind === 'import'}
          onClose={closing('import')}
          host={host}
          domain={asked.domain}
          domains={[...new Set(names.filter((name) => name !== null))]}
        />
        <ConfirmDialog
          opened={asked.kind === 'remove'}
          onClose={closing('remove')}
          title={`Remove the certificate of ${asked.domain}`}
          text="The certificate and its private key are removed from the server, and cannot be brought back from it. One that a route uses is refused: give that route another first."
          action="Remove certificate"
          isDangerous
          isProduction={host.production}
          {...(host.production ? { typed: asked.domain } : {})}
          onConfirm={() => run('The certificate was not removed', () => actions.removeCertificate(host.id, asked.domain))}
        />
      </>
    ),
  };
}

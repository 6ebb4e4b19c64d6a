import { Button } from '@mantine/core';
import { Link } from 'wouter';
import type { Certificate } from '../../daemon/contract/certificates.ts';
import type { AppStatus } from '../../daemon/contract/domain.ts';
import type { Host } from '../../preload/contract.ts';
import { hostPath } from '../paths.ts';
import { certificatesOf } from '../state/certificates.ts';
import { useActions, useDaemon } from '../state/hooks.ts';
import { useAsked } from '../state/use-asked.ts';
import { Panel } from '../ui/text.tsx';
import { CertificateMark, CertificateRemedy, LifeBar } from './certificate-parts.tsx';
import { useCertificateQuestions } from './use-certificate-questions.tsx';

const REFRESH_MS = 60_000;
const NO_CERTIFICATES: readonly Certificate[] = [];

/** The certificates of the names that an app is reached by, as its visitors get them. */
export function CertificateCard({ host, app }: { host: Host; app: AppStatus }) {
  const actions = useActions();
  const { certificates } = useDaemon(host.id);
  const { problem, retry } = useAsked(host.id, actions.loadCertificates, REFRESH_MS);
  const names = [app.domain, ...app.aliases].filter((name) => name !== null);
  const own = certificatesOf(certificates ?? NO_CERTIFICATES, app.name, names);
  const questions = useCertificateQuestions(host, own);
  return (
    <Panel
      title={own.length > 1 ? 'Certificates' : 'Certificate'}
      aside={
        <Link className="nd-link" href={hostPath(host.id, 'certificates')}>
          all of {host.name}
        </Link>
      }
    >
      {certificates === null ? (
        <p className="nd-dim">
          {problem === null ? 'It is being read…' : `It could not be read: ${problem} `}
          {problem === null ? null : (
            <Button size="compact-xs" onClick={retry}>
              Try again
            </Button>
          )}
        </p>
      ) : own.length === 0 ? (
        <p className="nd-dim">There is none for this app yet.</p>
      ) : (
        <ul className="nd-certificates">
          {own.map((certificate) => (
            <li key={certificate.domain}>
              <div className="nd-certificate-head">
                <button type="button" className="nd-link nd-wrap" onClick={() => questions.show(certificate)}>
                  {certificate.domain}
                </button>
                <CertificateMark certificate={certificate} />
                <LifeBar certificate={certificate} />
              </div>
              <CertificateRemedy certificate={certificate} />
            </li>
          ))}
        </ul>
      )}
      {questions.dialogs}
    </Panel>
  );
}

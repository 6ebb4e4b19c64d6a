import { CalendarX, CircleCheck, CircleX, Clock, LoaderCircle, Replace, ShieldOff, Unplug } from 'lucide-react';
import type { Certificate, CertificateFacts, CertificateState } from '../../daemon/contract/certificates.ts';
import { formatDateTime, sentence } from '../format.ts';
import { factsOf, leftText, lifeLeft } from '../state/certificates.ts';
import { Mark, type Meaning } from '../ui/mark.tsx';
import { Prose } from '../ui/prose.tsx';
import { Ago } from '../ui/text.tsx';
import { useNow } from '../ui/use-now.ts';

/** What visitors meet. */
const STATE: Record<CertificateState, Meaning> = {
  ok: { tone: 'ok', icon: CircleCheck, word: 'Served' },
  pending: { tone: 'busy', icon: LoaderCircle, word: 'Being obtained', spins: true },
  expiring: { tone: 'busy', icon: Clock, word: 'Expires soon' },
  expired: { tone: 'bad', icon: CalendarX, word: 'Expired' },
  mismatched: { tone: 'bad', icon: Replace, word: 'Another is served' },
  missing: { tone: 'bad', icon: ShieldOff, word: 'None is served' },
  unreachable: { tone: 'bad', icon: Unplug, word: 'Proxy unreachable' },
};

export function CertificateMark({ certificate }: { certificate: Certificate }) {
  return <Mark meaning={STATE[certificate.state]} testId="certificate-state" title={sentence(certificate.detail)} />;
}

/** What is wrong and what to do, and how the last try to renew it went; nothing where all is well. */
export function CertificateRemedy({ certificate: { state, detail, last_attempt } }: { certificate: Certificate }) {
  const failed = last_attempt?.ok === false ? last_attempt : null;
  if (state === 'ok' && failed === null) return null;
  return (
    <>
      {state === 'ok' || detail === '' ? null : (
        <span className="nd-wrap">
          <Prose text={sentence(detail)} />
        </span>
      )}
      {failed === null ? null : (
        <span className="nd-wrap nd-dim">
          Last tried <Ago ts={failed.at} />: <Prose text={failed.message} />
        </span>
      )}
    </>
  );
}

/** How much of its time is left: a bar, and the days. */
export function LifeBar({ certificate }: { certificate: Certificate }) {
  const now = useNow();
  const facts = factsOf(certificate);
  if (facts === null) return <span className="nd-dim">–</span>;
  const left = lifeLeft(facts, now);
  return (
    <span className="nd-life" data-tone={lifeTone(certificate)} title={`Until ${formatDateTime(facts.not_after)}`}>
      <span className="nd-life-bar" aria-hidden>
        <span style={{ width: `${Math.round(left * 100)}%` }} />
      </span>
      <span className="nd-number">{leftText(facts, now)}</span>
    </span>
  );
}

function lifeTone({ state }: Certificate): 'ok' | 'busy' | 'bad' {
  return state === 'expired' ? 'bad' : state === 'expiring' ? 'busy' : 'ok';
}

export const validText = ({ not_before, not_after }: CertificateFacts): string =>
  `${formatDateTime(not_before)} to ${formatDateTime(not_after)}`;

/** For what is not there. */
export const NONE: Meaning = { tone: 'idle', icon: CircleX, word: 'None' };

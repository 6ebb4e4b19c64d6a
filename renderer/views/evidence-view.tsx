import type { Evidence, ProbeResult } from '../../daemon/contract/domain.ts';
import { formatClock, repeats, sentence } from '../format.ts';
import { STEP } from '../ui/step-meaning.ts';

interface EvidenceViewProps {
  evidence: Evidence;
  /** What has been said above already. */
  said: string;
}

/** Whether there is anything to see beyond what has been said. */
export function hasMoreToSay(evidence: Evidence | null, said: string): evidence is Evidence {
  if (evidence === null) return false;
  const { reason, probes, log_tail, exit_code, oom_killed } = evidence;
  return probes.length > 0 || log_tail.length > 0 || exit_code !== null || oom_killed || !repeats(said, reason);
}

/** Why a step failed: how its container ended, what the probes met, and the container's last words. */
export function EvidenceView({ evidence, said }: EvidenceViewProps) {
  const { step, reason, probes, log_tail, exit_code, oom_killed } = evidence;
  return (
    <section className="nd-evidence" aria-label="Evidence">
      <div className="nd-evidence-head">
        <h3>Evidence of step “{STEP[step].word}”</h3>
        {exit_code === null ? null : <span className="nd-badge">exit code {exit_code}</span>}
        {oom_killed ? (
          <span className="nd-badge" title="The kernel killed it: it took more memory than its limit, or than the host has">
            out of memory
          </span>
        ) : null}
      </div>
      {repeats(said, reason) ? null : <p>{sentence(reason)}</p>}
      {probes.length === 0 ? null : <Probes probes={probes} />}
      {log_tail.length === 0 ? null : (
        <>
          <h3>Last lines of its log</h3>
          <pre className="nd-log-tail">{log_tail.join('\n')}</pre>
        </>
      )}
    </section>
  );
}

function Probes({ probes }: { probes: readonly ProbeResult[] }) {
  return (
    <table className="nd-table nd-probes" aria-label="Probes">
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col">Answer</th>
          <th scope="col">Took</th>
          <th scope="col">Target and what it said</th>
        </tr>
      </thead>
      <tbody>
        {probes.map((probe) => (
          <tr key={`${probe.at} ${probe.target}`} data-tone={probe.healthy ? 'ok' : 'bad'}>
            <td className="nd-number">{formatClock(probe.at).slice(0, 8)}</td>
            <td className="nd-number nd-toned">{probe.status ?? 'none'}</td>
            <td className="nd-number">{Math.round(probe.duration_ms)} ms</td>
            <td className="nd-mono nd-wrap">
              <div className="nd-dim">{probe.target}</div>
              {probe.detail}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

import { Tooltip } from '@mantine/core';
import type { AppStatus } from '../../daemon/contract/domain.ts';
import { can } from '../../daemon/contract/rules.ts';
import { proxyName, sentence, tlsText } from '../format.ts';
import { healthMeaning, Mark, SlotMark } from '../ui/mark.tsx';
import { Ago, Facts, ImageName } from '../ui/text.tsx';

/** What an app is just now, in one row. */
export function AppFacts({ app, onScale }: { app: AppStatus; onScale(): void }) {
  const build = app.nextcore;
  return (
    <Facts
      rows={[
        ['Image', <ImageName key="image" reference={app.version} />],
        [
          'Release',
          <span key="release" className="nd-number" data-testid="app-release">
            {app.release ?? '–'}
          </span>,
        ],
        ['Slot', <SlotMark key="slot" slot={app.slot} />],
        ['Health', <Mark key="health" meaning={healthMeaning(app)} title={app.health.detail} testId="app-health" />],
        ['Replicas', <Replicas key="replicas" app={app} onScale={onScale} />],
        [
          'Port',
          <span key="port" className="nd-number">
            {app.port}
          </span>,
        ],
        ['Proxy', app.domain === null ? 'none' : proxyName(app.proxy)],
        ['TLS', tlsText(app.tls)],
        ...(build === null ? [] : [['Next.js', <span key="next">{build.next_version}</span>] as const]),
        ['Changed', <Ago key="changed" ts={app.updated_at} />],
      ]}
    />
  );
}

/** Running and wanted; a click scales. */
function Replicas({ app, onScale }: { app: AppStatus; onScale(): void }) {
  const verdict = can.scale(app);
  const text = replicasText(app);
  const isShort = isShortOfReplicas(app);
  if (!verdict.allowed) {
    return (
      <Tooltip label={`Not to be scaled now: ${sentence(verdict.reason)}`}>
        <span className="nd-number" data-short={isShort}>
          {text}
        </span>
      </Tooltip>
    );
  }
  return (
    <button type="button" className="nd-link nd-number" data-short={isShort} onClick={onScale} title="Scale…">
      {text}
    </button>
  );
}

/** `2`, or `1 of 2` where some are missing. */
export function replicasText({ replicas, replicas_wanted }: Pick<AppStatus, 'replicas' | 'replicas_wanted'>): string {
  return replicas === replicas_wanted ? String(replicas) : `${replicas} of ${replicas_wanted}`;
}

/** Fewer run than should; a stopped app has none, and should have none. */
export function isShortOfReplicas({ status, replicas, replicas_wanted }: AppStatus): boolean {
  return status !== 'stopped' && status !== 'updating' && replicas < replicas_wanted;
}

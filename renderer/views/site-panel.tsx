import { SlidersHorizontal } from 'lucide-react';
import { useState } from 'react';
import type { AppStatus } from '../../daemon/contract/domain.ts';
import type { ProxyRoute } from '../../daemon/contract/proxy-routes.ts';
import { can } from '../../daemon/contract/rules.ts';
import type { Host } from '../../preload/contract.ts';
import { RouteDialog } from '../dialogs/route-dialog.tsx';
import { useActions, useDaemon } from '../state/hooks.ts';
import { targetText } from '../state/proxy-routes.ts';
import { formatSize } from '../state/quantity.ts';
import { useAsked } from '../state/use-asked.ts';
import { GatedButton } from '../ui/gated-button.tsx';
import { Facts, Panel } from '../ui/text.tsx';
import { RouteState } from './route-parts.tsx';
import { Unread } from './unread.tsx';

const REFRESH_MS = 30_000;

/** What the proxy does for an app's site beside passing requests on: for all its releases, and without a new one. */
export function SitePanel({ host, app }: { host: Host; app: AppStatus }) {
  const actions = useActions();
  const { routes } = useDaemon(host.id);
  const { problem, retry } = useAsked(host.id, actions.loadRoutes, REFRESH_MS);
  const [isEditing, setEditing] = useState(false);
  const route = routes?.find(({ app_name }) => app_name === app.name) ?? null;
  return (
    <Panel
      title="Site"
      aside={
        route === null ? undefined : (
          <GatedButton
            verdict={can.configure(app)}
            size="compact-sm"
            leftSection={<SlidersHorizontal size={13} />}
            onClick={() => setEditing(true)}
          >
            Change…
          </GatedButton>
        )
      }
    >
      {routes === null ? (
        <Unread what="routes" problem={problem} onRetry={retry} />
      ) : route === null ? (
        <p className="nd-dim">The proxy serves no site for it now.</p>
      ) : (
        <Facts rows={siteRows(route)} />
      )}
      {route === null ? null : <RouteDialog opened={isEditing} onClose={() => setEditing(false)} host={host} route={route} />}
    </Panel>
  );
}

function siteRows(route: ProxyRoute): [string, React.ReactNode][] {
  const { www, prefixes, redirects, headers, basic_auth, body_bytes_max, compression, domain } = route;
  return [
    ['State', <RouteState key="state" route={route} />],
    ['www.', WWW_TEXT[www](domain)],
    [
      'Prefixes',
      <Lines
        key="prefixes"
        texts={prefixes.map(({ path, app_name, port, strip }) => {
          const target = targetText({ app_name: app_name ?? null, port: port ?? null });
          return `${path} → ${target}${strip ? ', cut off' : ''}`;
        })}
      />,
    ],
    ['Redirects', <Lines key="redirects" texts={redirects.map(({ from, to, status }) => `${from} → ${to} (${status})`)} />],
    ['Headers', <Lines key="headers" texts={Object.entries(headers).map(([name, value]) => `${name}: ${value}`)} />],
    [
      'Password',
      basic_auth.length === 0 ? 'not asked for' : `asked for: ${basic_auth.map(({ username }) => username).join(', ')}`,
    ],
    ['Bodies', body_bytes_max === null ? 'the app decides' : `at most ${formatSize(body_bytes_max)}`],
    ['Compression', compression ? 'by the proxy' : 'the app decides'],
  ];
}

const WWW_TEXT: Record<ProxyRoute['www'], (domain: string) => string> = {
  off: () => 'left as it is',
  add: (domain) => `${domain} leads to www.${domain}`,
  remove: (domain) => `www.${domain} leads to ${domain}`,
};

function Lines({ texts }: { texts: readonly string[] }) {
  if (texts.length === 0) return <>none</>;
  return (
    <>
      {texts.map((text) => (
        <div key={text} className="nd-wrap">
          {text}
        </div>
      ))}
    </>
  );
}

import { CircleAlert, CircleCheck, CircleX } from 'lucide-react';
import type { ProxyRoute } from '../../daemon/contract/proxy-routes.ts';
import { sentence } from '../format.ts';
import { type RouteStanding, routeStanding, settingTexts } from '../state/proxy-routes.ts';
import { Mark, type Meaning } from '../ui/mark.tsx';
import { Prose } from '../ui/prose.tsx';

/** What was read back from the proxy. */
const STANDING: Record<RouteStanding, Meaning> = {
  served: { tone: 'ok', icon: CircleCheck, word: 'Served' },
  odd: { tone: 'busy', icon: CircleAlert, word: 'Served' },
  unserved: { tone: 'bad', icon: CircleX, word: 'Not served' },
};

export function RouteState({ route }: { route: ProxyRoute }) {
  return (
    <span className="nd-last-pull">
      <Mark meaning={STANDING[routeStanding(route)]} testId="route-state" />
      {route.detail === '' ? null : (
        <span className="nd-wrap">
          <Prose text={sentence(route.detail)} />
        </span>
      )}
    </span>
  );
}

export function RouteSettings({ route }: { route: ProxyRoute }) {
  const texts = settingTexts(route);
  if (texts.length === 0) return <span className="nd-dim">–</span>;
  return (
    <span className="nd-settings">
      {texts.map((text) => (
        <span key={text}>{text}</span>
      ))}
    </span>
  );
}

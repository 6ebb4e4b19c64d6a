import { ActionIcon, Kbd, Tooltip } from '@mantine/core';
import { spotlight } from '@mantine/spotlight';
import { ChevronRight, CircleQuestionMark, Search } from 'lucide-react';
import { Link } from 'wouter';
import type { Host } from '../../preload/contract.ts';
import { appPath, FLEET_PATH, hostPath, type Place, SETTINGS_PATH } from '../paths.ts';

interface TopbarProps {
  place: Place;
  host: Host | undefined;
  onHelp(): void;
}

export function Topbar({ place, host, onHelp }: TopbarProps) {
  const isApple = navigator.userAgent.includes('Mac');
  return (
    <div className="nd-topbar">
      <nav aria-label="Breadcrumb" className="nd-breadcrumb">
        <ol>
          {crumbsOf(place, host).map((crumb, index) => (
            <li key={crumb.href}>
              {index === 0 ? null : <ChevronRight size={13} aria-hidden />}
              <Link href={crumb.href}>{crumb.label}</Link>
            </li>
          ))}
        </ol>
        {host?.production === true ? <span className="nd-production-tag">Production</span> : null}
      </nav>
      <button type="button" className="nd-search" onClick={() => spotlight.open()}>
        <Search size={13} aria-hidden />
        <span className="nd-grow">Search</span>
        <Kbd size="xs">{isApple ? '⌘K' : 'Ctrl K'}</Kbd>
      </button>
      <Tooltip label="Keyboard shortcuts">
        <ActionIcon aria-label="Keyboard shortcuts" onClick={onHelp}>
          <CircleQuestionMark size={16} />
        </ActionIcon>
      </Tooltip>
    </div>
  );
}

function crumbsOf(place: Place, host: Host | undefined): { href: string; label: string }[] {
  if (place.view === 'settings') return [{ href: SETTINGS_PATH, label: 'Settings' }];
  const fleet = { href: FLEET_PATH, label: 'Fleet' };
  if (place.view === 'fleet') return [fleet];
  const crumbs = [fleet, { href: hostPath(place.host), label: host?.name ?? place.host }];
  return place.view === 'app' ? [...crumbs, { href: appPath(place.host, place.app), label: place.app }] : crumbs;
}

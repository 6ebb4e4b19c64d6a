import { ActionIcon, Tooltip } from '@mantine/core';
import { LayoutGrid, Plus, Settings } from 'lucide-react';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Host } from '../../preload/contract.ts';
import { appPath, FLEET_PATH, hostPath, type Place, SETTINGS_PATH } from '../paths.ts';
import { useDaemon, useHosts } from '../state/hooks.ts';
import { BrandIcon } from '../ui/brand-icon.tsx';
import { appMeaning, hostMeaning, Mark } from '../ui/mark.tsx';

/** The tree of hosts and their apps. */
export function Sidebar({ place, onAddHost }: { place: Place; onAddHost(): void }) {
  const hosts = useHosts();
  return (
    <nav className="nd-sidebar" aria-label="Hosts and apps">
      <div className="nd-brand">
        <BrandIcon />
        NextDeploy
      </div>
      <Entry href={FLEET_PATH} isCurrent={place.view === 'fleet'}>
        <LayoutGrid size={14} aria-hidden />
        <span className="nd-grow">Fleet</span>
      </Entry>
      <div className="nd-sidebar-head">
        <span className="nd-grow">Hosts</span>
        <Tooltip label="Add a host">
          <ActionIcon size={20} aria-label="New host" onClick={onAddHost}>
            <Plus size={14} />
          </ActionIcon>
        </Tooltip>
      </div>
      <div className="nd-tree">
        {hosts.map((host) => (
          <HostBranch key={host.id} host={host} place={place} />
        ))}
      </div>
      <Entry href={SETTINGS_PATH} isCurrent={place.view === 'settings'}>
        <Settings size={14} aria-hidden />
        <span className="nd-grow">Settings</span>
      </Entry>
    </nav>
  );
}

function HostBranch({ host, place }: { host: Host; place: Place }) {
  const daemon = useDaemon(host.id);
  const apps = Object.values(daemon.apps).toSorted((a, b) => a.name.localeCompare(b.name));
  const isHere = 'host' in place && place.host === host.id;
  return (
    <div>
      <Entry href={hostPath(host.id)} isCurrent={isHere && place.view === 'host'} isProduction={host.production}>
        <Mark meaning={hostMeaning(host)} isCompact />
        <span className="nd-grow nd-ellipsis">{host.name}</span>
        {host.production ? (
          <span className="nd-prod-letter" title="Production">
            P
          </span>
        ) : null}
      </Entry>
      {apps.map((app) => (
        <Entry
          key={app.name}
          href={appPath(host.id, app.name)}
          isCurrent={isHere && place.view === 'app' && place.app === app.name}
          isLeaf
        >
          <Mark meaning={appMeaning(app, daemon.operations[app.operation_id ?? ''])} isCompact />
          <span className="nd-grow nd-ellipsis">{app.name}</span>
        </Entry>
      ))}
    </div>
  );
}

interface EntryProps {
  href: string;
  isCurrent: boolean;
  isLeaf?: boolean;
  isProduction?: boolean;
  children: ReactNode;
}

function Entry({ href, isCurrent, isLeaf = false, isProduction = false, children }: EntryProps) {
  return (
    <Link
      href={href}
      className="nd-entry"
      data-leaf={isLeaf}
      data-production={isProduction}
      aria-current={isCurrent ? 'page' : undefined}
    >
      {children}
    </Link>
  );
}

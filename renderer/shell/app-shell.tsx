import { useHotkeys } from '@mantine/hooks';
import { spotlight } from '@mantine/spotlight';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { ConnectionDialogs } from '../dialogs/connection-dialogs.tsx';
import { HelpDialog } from '../dialogs/help-dialog.tsx';
import { HostDialog } from '../dialogs/host-dialog.tsx';
import { appPath, FLEET_PATH, hostPath, type Place, placeOf, SETTINGS_PATH } from '../paths.ts';
import { useConsole, useHost } from '../state/hooks.ts';
import { ErrorBoundary } from '../ui/error-boundary.tsx';
import { useCommand } from '../ui/keyboard.tsx';
import { Notice } from '../ui/notice.tsx';
import { AppView } from '../views/app-view.tsx';
import { FleetView } from '../views/fleet-view.tsx';
import { HostClock } from '../views/host-clock.tsx';
import { HostView } from '../views/host-view.tsx';
import { SettingsView } from '../views/settings-view.tsx';
import { Palette } from './palette.tsx';
import { Sidebar } from './sidebar.tsx';
import { Topbar } from './topbar.tsx';
import { useNotifier } from './use-notifier.ts';

/** The frame around every view: where one is, where one can go, and what concerns all of it. */
export function AppShell() {
  const [path, navigate] = useLocation();
  const place = placeOf(path);
  const host = useHost('host' in place ? place.host : undefined);
  const isLinked = useConsole((state) => state.isLinked);
  const [dialog, setDialog] = useState<'add-host' | 'help' | null>(null);
  const addHost = () => setDialog('add-host');
  useNotifier(place);
  useCommand('palette', () => spotlight.toggle());
  useCommand('fleet', () => navigate(FLEET_PATH));
  useCommand('settings', () => navigate(SETTINGS_PATH));
  useCommand('host', () => 'host' in place && navigate(hostPath(place.host)));
  useCommand('logs', () => place.view === 'app' && navigate(appPath(place.host, place.app, 'logs')));
  useCommand('filter', focusFilter);
  useCommand('add-host', addHost);
  useCommand('help', () => setDialog('help'));
  useHotkeys([['Escape', () => document.activeElement instanceof HTMLElement && document.activeElement.blur()]], []);

  return (
    <div className="nd-shell" data-production={host?.production === true} data-linked={isLinked}>
      <div className="nd-side" inert={!isLinked}>
        <Sidebar place={place} onAddHost={addHost} />
      </div>
      <div className="nd-main">
        {host?.production === true ? <div className="nd-production-bar" aria-hidden="true" /> : null}
        <div inert={!isLinked}>
          <Topbar place={place} host={host} onHelp={() => setDialog('help')} />
        </div>
        {isLinked ? null : (
          <Notice
            tone="busy"
            title="The console lost its core"
            text="It is being reached again; your servers go on. If this stays, restart the console."
          />
        )}
        <main className="nd-view" inert={!isLinked}>
          <ErrorBoundary place={path}>
            <View place={place} onAddHost={addHost} />
          </ErrorBoundary>
        </main>
      </div>
      <Palette place={place} onAddHost={addHost} onHelp={() => setDialog('help')} />
      <HostDialog opened={dialog === 'add-host'} onClose={() => setDialog(null)} />
      <HelpDialog opened={dialog === 'help'} onClose={() => setDialog(null)} />
      <ConnectionDialogs />
    </div>
  );
}

function View({ place, onAddHost }: { place: Place; onAddHost(): void }) {
  const hosts = useConsole((state) => state.hosts);
  const host = useHost('host' in place ? place.host : undefined);
  if (place.view === 'settings') return <SettingsView />;
  if (place.view === 'fleet') return <FleetView onAddHost={onAddHost} />;
  if (hosts === null) return null;
  if (host === undefined) {
    return (
      <div className="nd-page">
        <Notice tone="info" title="This host is not in the list" text="It may have been removed." />
      </div>
    );
  }
  return (
    <HostClock host={host.id}>
      {place.view === 'host' ? (
        <HostView key={host.id} host={host} tab={place.tab} />
      ) : (
        <AppView key={`${host.id}/${place.app}`} host={host} name={place.app} tab={place.tab} />
      )}
    </HostClock>
  );
}

function focusFilter(): void {
  const filter = document.querySelector<HTMLInputElement>('[data-shortcut="filter"]');
  if (filter === null) spotlight.open();
  else filter.focus();
}

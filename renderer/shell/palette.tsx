import { Spotlight, type SpotlightActionData } from '@mantine/spotlight';
import { Box, LayoutGrid, Plus, Search, Server, Settings, Undo2 } from 'lucide-react';
import { useLocation } from 'wouter';
import { can } from '../../daemon/contract/rules.ts';
import { appPath, FLEET_PATH, hostPath, type Place, SETTINGS_PATH } from '../paths.ts';
import { useActions, useDaemons, useHosts } from '../state/hooks.ts';
import { lookUp } from '../state/look-up.ts';
import { APP_STATUS, hostMeaning } from '../ui/mark.tsx';
import { useRun } from '../ui/run.tsx';

interface PaletteProps {
  place: Place;
  onAddHost(): void;
  onHelp(): void;
}

/** Every host, every app and every action, by name. */
export function Palette({ place, onAddHost, onHelp }: PaletteProps) {
  const [, navigate] = useLocation();
  const actionsHere = useActionsHere(place);
  const hosts = useHosts();
  const daemons = useDaemons();
  const places: SpotlightActionData[] = hosts.flatMap((host) => [
    {
      id: `host ${host.id}`,
      group: 'Hosts',
      label: host.name,
      description: `${hostMeaning(host).word} · ${host.address}`,
      leftSection: <Server size={15} />,
      onClick: () => navigate(hostPath(host.id)),
    },
    ...Object.values(daemons[host.id]?.apps ?? {}).map((app) => ({
      id: `app ${host.id} ${app.name}`,
      group: 'Apps',
      label: app.name,
      description: `${APP_STATUS[app.status].word} on ${host.name}${app.domain === null ? '' : ` · ${app.domain}`}`,
      leftSection: <Box size={15} />,
      onClick: () => navigate(appPath(host.id, app.name)),
    })),
  ]);
  const general: SpotlightActionData[] = [
    { id: 'fleet', label: 'Go to the fleet', leftSection: <LayoutGrid size={15} />, onClick: () => navigate(FLEET_PATH) },
    { id: 'settings', label: 'Go to the settings', leftSection: <Settings size={15} />, onClick: () => navigate(SETTINGS_PATH) },
    { id: 'add', label: 'Add a host', leftSection: <Plus size={15} />, onClick: onAddHost },
    { id: 'help', label: 'Show keyboard shortcuts', leftSection: <Search size={15} />, onClick: onHelp },
  ];
  const groups = [
    { group: 'Here', actions: actionsHere },
    { group: 'Apps', actions: places.filter((each) => each.group === 'Apps') },
    { group: 'Hosts', actions: places.filter((each) => each.group === 'Hosts') },
    { group: 'Console', actions: general },
  ].filter((each) => each.actions.length > 0);
  return (
    <Spotlight
      actions={groups}
      nothingFound="Nothing matches"
      highlightQuery
      scrollable
      maxHeight={420}
      shortcut={null}
      overlayProps={{ blur: 0, backgroundOpacity: 0.35 }}
      searchProps={{ leftSection: <Search size={16} />, placeholder: 'Search hosts, apps and actions', 'aria-label': 'Search' }}
    />
  );
}

/** What can be done with the app shown, as far as the contract's rules allow it now. Those that want a question stay on its page. */
function useActionsHere(place: Place): SpotlightActionData[] {
  const actions = useActions();
  const daemons = useDaemons();
  const hosts = useHosts();
  const { run } = useRun();
  if (place.view !== 'app') return [];
  const app = lookUp(daemons[place.host]?.apps ?? {}, place.app);
  const isProduction = hosts.find((host) => host.id === place.host)?.production === true;
  if (app === undefined || isProduction) return [];
  const previous = app.previous_release ?? '';
  const here = [
    {
      id: 'here rollback',
      label: `Roll back ${app.name} to ${previous}`,
      isAllowed: can.rollback(app).allowed,
      act: () => actions.rollback(place.host, app.name),
    },
    {
      id: 'here restart',
      label: `Restart ${app.name}`,
      isAllowed: can.restart(app).allowed,
      act: () => actions.lifecycle(place.host, app.name, 'restartApp'),
    },
    {
      id: 'here start',
      label: `Start ${app.name}`,
      isAllowed: can.start(app).allowed,
      act: () => actions.lifecycle(place.host, app.name, 'startApp'),
    },
  ];
  return here
    .filter((each) => each.isAllowed)
    .map(({ id, label, act }) => ({
      id,
      label,
      leftSection: <Undo2 size={15} />,
      onClick: () => void run(`“${label}” was not started`, act),
    }));
}

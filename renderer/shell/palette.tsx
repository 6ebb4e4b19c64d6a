import { Spotlight, type SpotlightActionData } from '@mantine/spotlight';
import type { LucideIcon } from 'lucide-react';
import {
  ArchiveRestore,
  ArrowLeftRight,
  Ban,
  Box,
  Check,
  Construction,
  FileSearch,
  History,
  Keyboard,
  KeyRound,
  LayoutGrid,
  Play,
  Plus,
  Rocket,
  RotateCw,
  Scaling,
  ScrollText,
  Search,
  Server,
  Settings,
  ShieldCheck,
  Signpost,
  Square,
  SquareTerminal,
  Trash2,
  Undo2,
  UserKey,
} from 'lucide-react';
import { useLocation } from 'wouter';
import type { AppStatus, Operation } from '../../daemon/contract/domain.ts';
import { can, type Verdict } from '../../daemon/contract/rules.ts';
import type { Host } from '../../preload/contract.ts';
import { appPath, FLEET_PATH, type HostTab, hostPath, type Place, SETTINGS_PATH } from '../paths.ts';
import type { LifecycleRoute } from '../state/actions.ts';
import { useActions, useDaemons, useHosts } from '../state/hooks.ts';
import { cancelWord, operationTitle } from '../state/operation-text.ts';
import type { Wish } from '../state/stores.ts';
import { appMeaning, hostMeaning } from '../ui/mark.tsx';
import { useRun } from '../ui/run.tsx';

interface PaletteProps {
  place: Place;
  onAddHost(): void;
  onHelp(): void;
}

/** Every host, every app and every action, by name. */
export function Palette({ place, onAddHost, onHelp }: PaletteProps) {
  const [, navigate] = useLocation();
  const act = useAct();
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
      description: `${appMeaning(app).word} on ${host.name}${app.domain === null ? '' : ` · ${app.domain}`}`,
      leftSection: <Box size={15} />,
      onClick: () => navigate(appPath(host.id, app.name)),
    })),
  ]);
  const toData = (group: string, host: Host) => (each: ReturnType<typeof appActions>[number]) => ({
    id: `${group} ${host.id} ${each.label}`,
    label: each.label,
    description: host.name,
    leftSection: <each.icon size={15} />,
    onClick: () => act(each.act),
  });
  const running = (host: Host, app: AppStatus) => daemons[host.id]?.operations[app.operation_id ?? ''];
  const isHere = (host: Host, app: AppStatus) => place.view === 'app' && place.host === host.id && place.app === app.name;
  const apps = hosts.flatMap((host) => Object.values(daemons[host.id]?.apps ?? {}).map((app) => ({ host, app })));
  const actionsHere = apps
    .filter(({ host, app }) => isHere(host, app))
    .flatMap(({ host, app }) => appActions(host, app, running(host, app)).map(toData('here', host)));
  const actionsElsewhere = apps
    .filter(({ host, app }) => !isHere(host, app))
    .flatMap(({ host, app }) =>
      appActions(host, app, running(host, app))
        .filter((each) => !each.label.startsWith('Terminal'))
        .map(toData('there', host)),
    );
  const hostActions: SpotlightActionData[] = hosts
    .filter((host) => host.connection.kind === 'connected' && !(place.view === 'app' && place.host === host.id))
    .flatMap((host) =>
      HOST_PLACES.map(({ tab, label, icon: Icon }) => ({
        id: `${tab} ${host.id}`,
        label: `${label} ${host.name}`,
        leftSection: <Icon size={15} />,
        onClick: () => navigate(hostPath(host.id, tab)),
      })),
    );
  const general: SpotlightActionData[] = [
    { id: 'fleet', label: 'Go to the fleet', leftSection: <LayoutGrid size={15} />, onClick: () => navigate(FLEET_PATH) },
    { id: 'settings', label: 'Go to the settings', leftSection: <Settings size={15} />, onClick: () => navigate(SETTINGS_PATH) },
    { id: 'add', label: 'Add a host', leftSection: <Plus size={15} />, onClick: onAddHost },
    { id: 'help', label: 'Show keyboard shortcuts', leftSection: <Keyboard size={15} />, onClick: onHelp },
  ];
  const groups = [
    { group: 'Here', actions: actionsHere },
    { group: 'Apps', actions: places.filter((each) => each.group === 'Apps') },
    { group: 'Hosts', actions: places.filter((each) => each.group === 'Hosts') },
    { group: 'Console', actions: general },
    { group: 'Actions', actions: [...hostActions, ...actionsElsewhere] },
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

/** Views of a host that are worth an entry of their own. */
const HOST_PLACES: { tab: HostTab; label: string; icon: LucideIcon }[] = [
  { tab: 'terminal', label: 'Terminal on', icon: SquareTerminal },
  { tab: 'secrets', label: 'Secrets on', icon: KeyRound },
  { tab: 'routes', label: 'Routes of', icon: Signpost },
  { tab: 'certificates', label: 'Certificates of', icon: ShieldCheck },
  { tab: 'tokens', label: 'Tokens of', icon: UserKey },
  { tab: 'audit', label: 'Audit log of', icon: FileSearch },
  { tab: 'backup', label: 'Backup of', icon: ArchiveRestore },
];

type Act = (act: PaletteAct) => void;
type PaletteAct = { to: string } | { wish: Wish } | { lifecycle: LifecycleRoute; host: string; app: string };

/** Does what an action says: goes there, has the app's view ask, or begins an operation and shows it. */
function useAct(): Act {
  const actions = useActions();
  const [, navigate] = useLocation();
  const { run } = useRun();
  return (act) => {
    if ('to' in act) return navigate(act.to);
    if ('wish' in act) {
      actions.wish(act.wish);
      return navigate(appPath(act.wish.host, act.wish.app));
    }
    const { host, app, lifecycle } = act;
    void run(`${app} was not ${lifecycle === 'startApp' ? 'started' : 'restarted'}`, () =>
      actions.lifecycle(host, app, lifecycle),
    ).then((isStarted) => isStarted && navigate(appPath(host, app)));
  };
}

/** What can be done with one app, as far as the contract's rules allow it now. What has a question opens its dialog. */
export function appActions(
  host: Host,
  app: AppStatus,
  running?: Operation,
): { label: string; icon: LucideIcon; act: PaletteAct }[] {
  const wish = (what: Wish['what']): PaletteAct => ({ wish: { host: host.id, app: app.name, what } });
  const at = { host: host.id, app: app.name };
  const all: Offer[] = [
    ...(running === undefined ? [] : endings(app, running, wish)),
    [can.swap(app), `Swap ${app.name}…`, ArrowLeftRight, wish('swap')],
    [ALWAYS, app.release === null ? `Try ${app.name} again…` : `Deploy ${app.name} with changes…`, Rocket, wish('deploy')],
    [can.rollback(app), `Roll back ${app.name} to ${app.previous_release ?? ''}…`, Undo2, wish('rollback')],
    [can.scale(app), `Scale ${app.name}…`, Scaling, wish('scale')],
    [
      can.maintenance(app),
      app.maintenance === null ? `Show a maintenance page for ${app.name}…` : `Change the maintenance page of ${app.name}…`,
      Construction,
      wish('maintenance'),
    ],
    [can.restart(app), `Restart ${app.name}`, RotateCw, { ...at, lifecycle: 'restartApp' }],
    [can.start(app), `Start ${app.name}`, Play, { ...at, lifecycle: 'startApp' }],
    [can.stop(app), `Stop ${app.name}…`, Square, wish('stop')],
    [can.remove(app), `Remove ${app.name}…`, Trash2, wish('remove')],
    [ALWAYS, `Logs of ${app.name}`, ScrollText, { to: appPath(host.id, app.name, 'logs') }],
    [ALWAYS, `Releases of ${app.name}`, History, { to: appPath(host.id, app.name, 'releases') }],
    [ALWAYS, `Secrets of ${app.name}`, KeyRound, { to: appPath(host.id, app.name, 'secrets') }],
    [ALWAYS, `Terminal on ${host.name}`, SquareTerminal, { to: hostPath(host.id, 'terminal') }],
  ];
  return all.filter(([verdict]) => verdict.allowed).map(([, label, icon, act]) => ({ label, icon, act }));
}

type Offer = [verdict: Verdict, label: string, icon: LucideIcon, act: PaletteAct];

/** The ways to end what is being done. */
function endings(app: AppStatus, running: Operation, wish: (what: Wish['what']) => PaletteAct): Offer[] {
  const title = operationTitle(running);
  return [
    [can.cancel(running), `${cancelWord(running)} “${title}” of ${app.name}`, Ban, wish('cancel')],
    [can.keep(running), `Keep ${running.release ?? 'the new release'} of ${app.name}`, Check, wish('keep')],
  ];
}

const ALWAYS: Verdict = { allowed: true };

export const HOST_TABS = [
  'overview',
  'images',
  'secrets',
  'routes',
  'certificates',
  'tokens',
  'audit',
  'backup',
  'activity',
  'terminal',
] as const;
export type HostTab = (typeof HOST_TABS)[number];
export const APP_TABS = ['overview', 'releases', 'operations', 'logs', 'secrets', 'configuration'] as const;
export type AppTab = (typeof APP_TABS)[number];

export const FLEET_PATH = '/';
export const SETTINGS_PATH = '/settings';
export const hostPath = (host: string, tab: HostTab = 'overview'): string =>
  tab === 'overview' ? `/hosts/${host}` : `/hosts/${host}/${tab}`;
export const appPath = (host: string, app: string, tab: AppTab = 'overview'): string =>
  tab === 'overview' ? `/hosts/${host}/apps/${app}` : `/hosts/${host}/apps/${app}/${tab}`;

/** What a location shows; anything unknown is the fleet. */
export type Place =
  | { view: 'fleet' }
  | { view: 'settings' }
  | { view: 'host'; host: string; tab: HostTab }
  | { view: 'app'; host: string; app: string; tab: AppTab };

export function placeOf(path: string): Place {
  const [first, host, second, app, last] = path.split('/').filter((part) => part !== '');
  if (first === 'settings') return { view: 'settings' };
  if (first !== 'hosts' || host === undefined) return { view: 'fleet' };
  if (second === 'apps' && app !== undefined) {
    return { view: 'app', host, app, tab: APP_TABS.find((tab) => tab === last) ?? 'overview' };
  }
  return { view: 'host', host, tab: HOST_TABS.find((tab) => tab === second) ?? 'overview' };
}

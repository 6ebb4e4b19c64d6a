import { createStore, type StoreApi } from 'zustand/vanilla';
import type { CallOutput, Host, InstallStep, Settings } from '../../preload/contract.ts';
import { type DaemonData, EMPTY_DAEMON_DATA } from './daemon-data.ts';
import { EMPTY_SERIES, type MetricsSeries } from './metrics-series.ts';

export type ConsoleInfo = CallOutput<'console.info'>;

/** Something that an app's view is to ask the operator about, wanted from elsewhere. */
export interface Wish {
  host: string;
  app: string;
  what: 'swap' | 'rollback' | 'stop' | 'deploy' | 'scale' | 'maintenance' | 'remove' | 'cancel' | 'keep';
}

export interface InstallRun {
  state: 'running' | 'done' | 'failed';
  steps: readonly InstallStep[];
  message: string | null;
}

/** The console itself: its link, its hosts, its settings. */
export interface ConsoleState {
  isLinked: boolean;
  /** Null until the core has answered. */
  hosts: readonly Host[] | null;
  info: ConsoleInfo | null;
  settings: Settings;
  /** The host whose question (unknown key, password) is put to the operator now. */
  attention: string | null;
  installs: Readonly<Record<string, InstallRun>>;
  /** Until the view that it is meant for has taken it. */
  wish: Wish | null;
}

export interface Stores {
  console: StoreApi<ConsoleState>;
  /** By host id. */
  daemons: StoreApi<Readonly<Record<string, DaemonData>>>;
  /** By host id; apart from `daemons`, for it changes every second. */
  metrics: StoreApi<Readonly<Record<string, MetricsSeries>>>;
}

export function createStores(): Stores {
  return {
    console: createStore<ConsoleState>(() => ({
      isLinked: true,
      hosts: null,
      info: null,
      settings: { color_scheme: 'auto' },
      attention: null,
      installs: {},
      wish: null,
    })),
    daemons: createStore<Readonly<Record<string, DaemonData>>>(() => ({})),
    metrics: createStore<Readonly<Record<string, MetricsSeries>>>(() => ({})),
  };
}

/** Replaces what is known of one host's daemon by `change` of it. */
export function updateDaemon(stores: Stores, host: string, change: (data: DaemonData) => DaemonData): void {
  const all = stores.daemons.getState();
  const before = all[host] ?? EMPTY_DAEMON_DATA;
  const after = change(before);
  if (after !== before) stores.daemons.setState({ ...all, [host]: after }, true);
}

/** Adds one sample to a host's series. */
export function addMetrics(stores: Stores, host: string, add: (series: MetricsSeries) => MetricsSeries): void {
  const all = stores.metrics.getState();
  stores.metrics.setState({ ...all, [host]: add(all[host] ?? EMPTY_SERIES) }, true);
}

/** Forgets all that came from hosts other than these. */
export function forgetOtherHosts(stores: Stores, kept: readonly string[]): void {
  const isKept = ([host]: [string, unknown]) => kept.includes(host);
  const { daemons, metrics } = stores;
  daemons.setState(Object.fromEntries(Object.entries(daemons.getState()).filter(isKept)), true);
  metrics.setState(Object.fromEntries(Object.entries(metrics.getState()).filter(isKept)), true);
}

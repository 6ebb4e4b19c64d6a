import { createContext, useContext, useEffect, useRef } from 'react';
import { useStore } from 'zustand';
import type { Host } from '../../preload/contract.ts';
import type { Actions } from './actions.ts';
import type { ConsoleModel } from './console.ts';
import { type DaemonData, EMPTY_DAEMON_DATA } from './daemon-data.ts';
import { EMPTY_SERIES, type MetricsSeries } from './metrics-series.ts';
import type { ConsoleState, Wish } from './stores.ts';

export const ConsoleContext = createContext<ConsoleModel | null>(null);

function useConsoleModel(): ConsoleModel {
  const model = useContext(ConsoleContext);
  if (model === null) throw new Error('the view stands outside of ConsoleContext');
  return model;
}

export const useActions = (): Actions => useConsoleModel().actions;

export function useConsole<T>(select: (state: ConsoleState) => T): T {
  return useStore(useConsoleModel().stores.console, select);
}

const NO_HOSTS: readonly Host[] = [];
export const useHosts = (): readonly Host[] => useConsole((state) => state.hosts ?? NO_HOSTS);
export const useHost = (id: string | undefined): Host | undefined =>
  useConsole((state) => state.hosts?.find((host) => host.id === id));

export const useDaemons = (): Readonly<Record<string, DaemonData>> => useStore(useConsoleModel().stores.daemons);
export function useDaemon(host: string): DaemonData {
  return useStore(useConsoleModel().stores.daemons, (daemons) => daemons[host] ?? EMPTY_DAEMON_DATA);
}
export function useMetrics(host: string): MetricsSeries {
  return useStore(useConsoleModel().stores.metrics, (metrics) => metrics[host] ?? EMPTY_SERIES);
}

/** How far the clock of a host is ahead of this machine's, in milliseconds. */
export function useClockOffset(host: string): number {
  return useStore(useConsoleModel().stores.metrics, (metrics) => metrics[host]?.clock_offset_ms ?? 0);
}

/** Takes what is wanted of this app's view, once. */
export function useWish(host: string, app: string, take: (what: Wish['what']) => void): void {
  const actions = useActions();
  const wish = useConsole((state) => state.wish);
  const latest = useRef(take);
  useEffect(() => {
    latest.current = take;
  });
  useEffect(() => {
    if (wish === null || wish.host !== host || wish.app !== app) return;
    actions.wish(null);
    latest.current(wish.what);
  }, [actions, wish, host, app]);
}

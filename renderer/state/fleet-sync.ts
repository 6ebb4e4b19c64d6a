import type { Host } from '../../preload/contract.ts';
import { backoffMs } from '../bridge/backoff.ts';
import type { Channel, Link } from '../bridge/link.ts';
import { type HostSync, startHostSync } from './host-sync.ts';
import { forgetOtherHosts, type Stores } from './stores.ts';

/**
 * Follows the list of hosts and keeps a {@link HostSync} for each whose daemon answers. While a host reconnects its sync
 * stays: the core resumes the streams. After a lost link everything starts anew, for the core is a new one.
 */
export function startFleetSync(link: Link, stores: Stores): { stop(): void } {
  const syncs = new Map<string, HostSync>();
  let watch: Channel<'hosts.watch'> | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;

  const stopSyncs = () => {
    for (const sync of syncs.values()) sync.stop();
    syncs.clear();
  };
  const onHosts = (hosts: readonly Host[]) => {
    stores.console.setState({ hosts });
    // A green mark for a server that nobody can see now would be a lie.
    const seen = hosts.filter((host) => syncNeed(host) !== 'stop').map((host) => host.id);
    for (const [id, sync] of syncs) {
      const host = hosts.find((each) => each.id === id);
      if (host !== undefined && syncNeed(host) !== 'stop') continue;
      sync.stop();
      syncs.delete(id);
    }
    forgetOtherHosts(stores, seen);
    for (const host of hosts) {
      if (syncNeed(host) === 'start' && !syncs.has(host.id)) syncs.set(host.id, startHostSync(link, stores, host.id));
    }
  };
  const follow = (attempt = 1) => {
    if (isStopped || !link.isOpen) return;
    watch = link.open('hosts.watch', undefined, {
      onMessage: onHosts,
      onEnd() {
        watch = null;
        timer = setTimeout(() => follow(attempt + 1), backoffMs(attempt));
      },
    });
  };
  const greet = async () => {
    try {
      const [info, settings] = await Promise.all([link.call('console.info', undefined), link.call('settings.get', undefined)]);
      stores.console.setState({ info, settings });
    } catch (error) {
      console.error('the core did not introduce itself', error);
    }
  };
  const stopLink = link.onChange((isLinked) => {
    stores.console.setState({ isLinked });
    clearTimeout(timer);
    stopSyncs();
    if (!isLinked) return;
    follow();
    void greet();
  });
  follow();
  void greet();

  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
      stopLink();
      stopSyncs();
      watch?.close();
    },
  };
}

/** Whether a host's daemon can be followed now (`start`), may soon be again (`keep`), or not (`stop`). */
export function syncNeed(host: Host): 'start' | 'keep' | 'stop' {
  const { connection, daemon } = host;
  if (connection.kind === 'connected') return daemon.kind === 'ready' ? 'start' : daemon.kind === 'absent' ? 'stop' : 'keep';
  return connection.kind === 'reconnecting' || connection.kind === 'connecting' ? 'keep' : 'stop';
}

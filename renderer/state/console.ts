import type { Bridge } from '../../preload/contract.ts';
import { createLink } from '../bridge/link.ts';
import { type Actions, createActions } from './actions.ts';
import { startFleetSync } from './fleet-sync.ts';
import { createStores, type Stores } from './stores.ts';

/** The whole console behind the views: what is known (`stores`) and what can be done (`actions`). */
export interface ConsoleModel {
  stores: Stores;
  actions: Actions;
  close(): void;
}

export function createConsole(bridge: Bridge): ConsoleModel {
  const link = createLink(bridge);
  const stores = createStores();
  const sync = startFleetSync(link, stores);
  return {
    stores,
    actions: createActions(link, stores),
    close() {
      sync.stop();
      link.dispose();
    },
  };
}

import { expect, it, vi } from 'vitest';
import type { ChannelHandlers, Link } from '../bridge/link.ts';
import { host } from '../testing/world.ts';
import { startFleetSync } from './fleet-sync.ts';
import { createStores } from './stores.ts';

it('starts anew when a lost link is back: the fresh core knows nothing of what was open', async () => {
  const stores = createStores();
  const opened: { name: string; handlers: ChannelHandlers<'hosts.watch'> }[] = [];
  let setLink: (isOpen: boolean) => void = () => undefined;
  const state = { isOpen: true };
  // Only what the sync uses of a link.
  const link = {
    get isOpen() {
      return state.isOpen;
    },
    call: vi.fn(() => Promise.resolve([])),
    open(name: string, _input: unknown, handlers: ChannelHandlers<'hosts.watch'>) {
      opened.push({ name, handlers });
      return { close: () => undefined, send: () => undefined };
    },
    onChange(listener: (isOpen: boolean) => void) {
      setLink = (isOpen) => {
        state.isOpen = isOpen;
        listener(isOpen);
      };
      return () => undefined;
    },
  } as unknown as Link;

  const sync = startFleetSync(link, stores);
  opened[0]!.handlers.onMessage([host('web-1')]);
  expect(opened.map((each) => each.name)).toEqual(['hosts.watch', 'daemon.stream', 'daemon.stream']);

  setLink(false);
  expect(stores.console.getState().isLinked).toBe(false);
  expect(stores.console.getState().hosts?.map((each) => each.id)).toEqual(['web-1']);

  opened.length = 0;
  setLink(true);
  expect(stores.console.getState().isLinked).toBe(true);
  opened[0]!.handlers.onMessage([host('web-1')]);
  expect(opened.map((each) => each.name)).toEqual(['hosts.watch', 'daemon.stream', 'daemon.stream']);
  sync.stop();
});

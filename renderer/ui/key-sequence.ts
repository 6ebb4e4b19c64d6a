/** Shortcuts: a key, or two in a row. The only table; the help sheet and the key handler both read it. */
export const SHORTCUTS = [
  { keys: ['mod+k'], command: 'palette', text: 'Search hosts, apps and actions' },
  { keys: ['g', 'f'], command: 'fleet', text: 'Go to the fleet' },
  { keys: ['g', 's'], command: 'settings', text: 'Go to the settings' },
  { keys: ['g', 'h'], command: 'host', text: 'Go to the host of the app shown' },
  { keys: ['g', 'l'], command: 'logs', text: 'Go to the logs of the app shown' },
  { keys: ['/'], command: 'filter', text: 'Filter the log lines shown, else search' },
  { keys: ['s'], command: 'swap', text: 'Swap the app shown' },
  { keys: ['d'], command: 'deploy', text: 'Deploy an app on the host shown' },
  { keys: ['a'], command: 'add-host', text: 'Add a host' },
  { keys: ['?'], command: 'help', text: 'Show this list' },
] as const;

export type Command = (typeof SHORTCUTS)[number]['command'];

/** Longer than this between two keys, and the first is forgotten. */
const SEQUENCE_MS = 1_000;

export interface KeyState {
  pending: string | null;
  at_ms: number;
}
export const NO_KEYS: KeyState = { pending: null, at_ms: 0 };

/** What `key` (with `mod+` before it for Ctrl or ⌘) means after `state`, and the state after it. */
export function nextKey(state: KeyState, key: string, now_ms: number): { state: KeyState; command: Command | null } {
  const first = state.pending !== null && now_ms - state.at_ms <= SEQUENCE_MS ? state.pending : null;
  const found =
    SHORTCUTS.find(({ keys }) => keys.length === 2 && keys[0] === first && keys[1] === key) ??
    SHORTCUTS.find(({ keys }) => keys.length === 1 && keys[0] === key);
  if (found !== undefined) return { state: NO_KEYS, command: found.command };
  const starts = SHORTCUTS.some(({ keys }) => keys.length === 2 && keys[0] === key);
  return { state: starts ? { pending: key, at_ms: now_ms } : NO_KEYS, command: null };
}

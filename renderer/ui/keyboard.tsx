import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from 'react';
import { type Command, NO_KEYS, nextKey } from './key-sequence.ts';

type Handlers = Map<Command, () => unknown>;
const KeyboardContext = createContext<Handlers>(new Map());

/** Turns keys into commands for whichever view has offered to take them. Never while something is being typed. */
export function KeyboardProvider({ children }: { children: ReactNode }) {
  const [handlers] = useState<Handlers>(() => new Map());
  useEffect(() => {
    let state = NO_KEYS;
    const onKeyDown = (event: KeyboardEvent) => {
      const key = nameOf(event);
      if (key === null || isInert() || (!key.startsWith('mod+') && (isTyping(event.target) || isDialogOpen()))) return;
      const next = nextKey(state, key, event.timeStamp);
      state = next.state;
      const handler = next.command === null ? undefined : handlers.get(next.command);
      if (handler === undefined) return;
      event.preventDefault();
      handler();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [handlers]);
  return <KeyboardContext value={handlers}>{children}</KeyboardContext>;
}

/** Takes `command` while the component is shown. */
export function useCommand(command: Command, act: () => unknown): void {
  const handlers = useContext(KeyboardContext);
  const latest = useRef(act);
  useEffect(() => {
    latest.current = act;
  });
  useEffect(() => {
    const handler = () => latest.current();
    handlers.set(command, handler);
    return () => {
      if (handlers.get(command) === handler) handlers.delete(command);
    };
  }, [handlers, command]);
}

function nameOf(event: KeyboardEvent): string | null {
  if (event.altKey || event.isComposing || event.repeat) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return event.ctrlKey || event.metaKey ? `mod+${key}` : key;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || target.closest('input, textarea, select, .xterm') !== null)
  );
}

const isDialogOpen = () => document.querySelector('[role="dialog"], [role="menu"]') !== null;

/** While the console has no core, nothing can be asked of it. */
const isInert = () => document.querySelector('main[inert]') !== null;

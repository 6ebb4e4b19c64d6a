import '@xterm/xterm/css/xterm.css';
import { Button, useComputedColorScheme } from '@mantine/core';
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { useEffect, useRef, useState } from 'react';
import type { Host } from '../../preload/contract.ts';
import { messageOf } from '../bridge/bridge-error.ts';
import { useActions } from '../state/hooks.ts';
import type { TerminalSession } from '../state/terminal-session.ts';
import { Notice } from '../ui/notice.tsx';
import { terminalTheme } from '../ui/terminal-theme.ts';
import { Panel } from '../ui/text.tsx';

const SCROLLBACK_LINES = 5_000;
const encoder = new TextEncoder();

/** A login shell on the host. It stays open while another tab of the host is shown. */
export function TerminalPanel({ host, isShown }: { host: Host; isShown: boolean }) {
  const actions = useActions();
  const frame = useRef<HTMLDivElement>(null);
  const shown = useRef<{ terminal: Terminal; fit: FitAddon } | null>(null);
  const [ended, setEnded] = useState<string | null>(null);
  /** Rises with each shell that the operator asks for. */
  const [shell, setShell] = useState(1);
  const scheme = useComputedColorScheme('light');
  const isConnected = host.connection.kind === 'connected';

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shell` asks for a new one; the colours have an effect of their own
  useEffect(() => {
    const element = frame.current;
    if (element === null || !isConnected) return;
    setEnded(null);
    return mountTerminal(element, {
      scheme,
      onReady: (made) => {
        shown.current = made;
      },
      open: (size, terminal) =>
        actions.openTerminal(host.id, size, {
          onOutput: (bytes, taken) => terminal.write(bytes, taken),
          onEnd: setEnded,
        }),
      onFailed: setEnded,
    });
  }, [actions, host.id, shell, isConnected]);

  useEffect(() => {
    if (shown.current !== null) shown.current.terminal.options.theme = terminalTheme(scheme);
  }, [scheme]);
  useEffect(() => {
    if (!isShown) return;
    shown.current?.fit.fit();
    shown.current?.terminal.focus();
  }, [isShown]);

  return (
    <div className="nd-terminal-tab" hidden={!isShown}>
      <Panel title={`Shell on ${host.name} as ${host.user}`} flush>
        {ended === null ? null : (
          <Notice tone="info" title="This shell has ended" text={ended}>
            <Button onClick={() => setShell((number) => number + 1)}>New shell</Button>
          </Notice>
        )}
        {isConnected ? null : <Notice tone="info" title="No shell while the host is not connected" />}
        <div ref={frame} className="nd-terminal" data-testid="terminal" />
      </Panel>
    </div>
  );
}

interface MountOptions {
  scheme: 'light' | 'dark';
  onReady(made: { terminal: Terminal; fit: FitAddon } | null): void;
  open(size: { cols: number; rows: number }, terminal: Terminal): TerminalSession;
  onFailed(message: string): void;
}

/** Puts a terminal into `element` and ties it to a session. Returns how to take both away. */
function mountTerminal(element: HTMLElement, { scheme, onReady, open, onFailed }: MountOptions): () => void {
  const terminal = new Terminal({
    fontFamily: getComputedStyle(element).fontFamily,
    fontSize: 13,
    scrollback: SCROLLBACK_LINES,
    theme: terminalTheme(scheme),
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(element);
  fit.fit();
  onReady({ terminal, fit });

  let session: TerminalSession | null = null;
  try {
    session = open({ cols: terminal.cols, rows: terminal.rows }, terminal);
  } catch (error) {
    onFailed(messageOf(error));
  }
  terminal.onData((text) => session?.write(encoder.encode(text)));
  terminal.onBinary((text) => session?.write(Uint8Array.from(text, (character) => character.charCodeAt(0))));
  terminal.onResize(({ cols, rows }) => session?.resize(cols, rows));
  const observer = new ResizeObserver(() => {
    if (element.clientWidth > 0) fit.fit();
  });
  observer.observe(element);
  terminal.focus();

  return () => {
    observer.disconnect();
    session?.close();
    terminal.dispose();
    onReady(null);
  };
}

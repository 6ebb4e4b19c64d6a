import { MantineProvider, useMantineColorScheme } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { type ReactNode, useEffect } from 'react';
import { Router } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';
import { AppShell } from './shell/app-shell.tsx';
import type { ConsoleModel } from './state/console.ts';
import { ConsoleContext, useConsole } from './state/hooks.ts';
import { cssVariables, theme } from './theme.ts';
import { KeyboardProvider } from './ui/keyboard.tsx';

export function Root({ model }: { model: ConsoleModel }) {
  return (
    <ConsoleContext value={model}>
      <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
        <ColorScheme>
          <Notifications position="bottom-right" limit={4} />
          <Router hook={useHashLocation}>
            <KeyboardProvider>
              <AppShell />
            </KeyboardProvider>
          </Router>
        </ColorScheme>
      </MantineProvider>
    </ConsoleContext>
  );
}

/** The scheme is a setting of the console, kept by its core; what the browser remembers only spares the first flash. */
function ColorScheme({ children }: { children: ReactNode }) {
  const wanted = useConsole((state) => (state.info === null ? null : state.settings.color_scheme));
  const { setColorScheme } = useMantineColorScheme();
  useEffect(() => {
    if (wanted !== null) setColorScheme(wanted);
  }, [wanted, setColorScheme]);
  return children;
}

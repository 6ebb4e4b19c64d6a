import { SegmentedControl } from '@mantine/core';
import type { Settings } from '../../preload/contract.ts';
import { useActions, useConsole } from '../state/hooks.ts';
import { useRun } from '../ui/run.tsx';
import { Facts, Panel } from '../ui/text.tsx';

const SCHEMES: { value: Settings['color_scheme']; label: string }[] = [
  { value: 'auto', label: 'As the system' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
];

const SHELL_WORD = { electron: 'desktop', web: 'web' } as const;

export function SettingsView() {
  const actions = useActions();
  const settings = useConsole((state) => state.settings);
  const info = useConsole((state) => state.info);
  const { run } = useRun();
  return (
    <div className="nd-page nd-page-narrow">
      <header className="nd-head nd-head-main">
        <h1>Settings</h1>
      </header>
      <Panel title="Appearance">
        <div className="nd-label">Colours</div>
        <SegmentedControl
          aria-label="Colours"
          data={SCHEMES}
          value={settings.color_scheme}
          onChange={(color_scheme) =>
            void run('The setting was not saved', () => actions.setSettings({ ...settings, color_scheme }))
          }
        />
      </Panel>
      <Panel title="About">
        <Facts
          rows={[
            ['Console', info?.version ?? '–'],
            ['Shell', info === null ? '–' : SHELL_WORD[info.shell]],
            ['Platform', info?.platform ?? '–'],
          ]}
        />
      </Panel>
    </div>
  );
}

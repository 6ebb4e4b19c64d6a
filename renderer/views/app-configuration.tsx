import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { Eye, EyeOff, Pencil } from 'lucide-react';
import { useState } from 'react';
import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import type { Host } from '../../preload/contract.ts';
import { DeployDialog } from '../dialogs/deploy-dialog.tsx';
import { factsOf } from '../state/differences.ts';
import { Facts, Panel } from '../ui/text.tsx';
import { SitePanel } from './site-panel.tsx';

interface AppConfigurationProps {
  host: Host;
  app: AppStatus;
  release: Release | undefined;
}

/** What stands together; `replicas` is the app's, not its configuration's. */
const GROUPS: [title: string, fields: Parameters<typeof factsOf>[1]][] = [
  ['Routing', ['domain', 'aliases', 'redirects', 'tls', 'ports', 'proxy']],
  ['Health', ['health']],
  ['Secrets', ['project', 'secrets']],
  ['Life cycle', ['drain_ms', 'watch_ms', 'stop_signal', 'stop_timeout_ms', 'pre_switch', 'post_switch']],
  ['Container', ['limits', 'volumes', 'networks', 'user', 'read_only_root', 'capabilities', 'log']],
];

/** What the live release runs with, or before a first success what was tried last. It is changed by a deploy, which makes a new release of it. */
export function AppConfiguration({ host, app, release }: AppConfigurationProps) {
  const [isEditing, setEditing] = useState(false);
  if (release === undefined) return <p className="nd-dim">The configuration appears with the first release.</p>;
  const { configuration } = release;
  return (
    <div className="nd-columns">
      <Panel
        title={release.state === 'failed' ? `Configuration of ${release.id}, which failed` : `Configuration of ${release.id}`}
        aside={
          <Button size="compact-sm" leftSection={<Pencil size={13} />} onClick={() => setEditing(true)}>
            {release.state === 'failed' ? 'Try again…' : 'Deploy with changes…'}
          </Button>
        }
      >
        {GROUPS.map(([title, fields]) => (
          <section key={title} className="nd-fact-group">
            <h3>{title}</h3>
            <Facts
              rows={[
                ...(title === 'Routing' && configuration.domain === undefined ? [WORKER] : []),
                ...factsOf(configuration, fields).map(([label, texts]) => [label, <Texts key={label} texts={texts} />] as const),
              ]}
            />
          </section>
        ))}
      </Panel>
      <div className="nd-stack">
        {app.domain === null ? null : <SitePanel host={host} app={app} />}
        <Environment env={configuration.env} />
      </div>
      <DeployDialog opened={isEditing} onClose={() => setEditing(false)} hostId={host.id} template={{ app, release }} />
    </div>
  );
}

const WORKER = ['Domain', 'none: a worker without a route'] as const;

function Texts({ texts }: { texts: readonly string[] }) {
  return (
    <>
      {texts.map((text) => (
        <div key={text} className="nd-wrap">
          {text}
        </div>
      ))}
    </>
  );
}

function Environment({ env }: { env: Readonly<Record<string, string>> }) {
  const [isShown, setShown] = useState(false);
  const names = Object.keys(env).toSorted((a, b) => a.localeCompare(b));
  const label = isShown ? 'Hide values' : 'Show values';
  return (
    <Panel
      title={`Environment (${names.length})`}
      flush
      aside={
        <Tooltip label={label}>
          <ActionIcon aria-label={label} aria-pressed={isShown} onClick={() => setShown(!isShown)}>
            {isShown ? <EyeOff size={15} /> : <Eye size={15} />}
          </ActionIcon>
        </Tooltip>
      }
    >
      <div className="nd-table-frame">
        <table className="nd-table nd-table-fixed" aria-label="Environment">
          <tbody>
            {names.map((name) => (
              <tr key={name}>
                <td className="nd-mono nd-wrap">{name}</td>
                <td className="nd-mono nd-wrap">{isShown ? env[name] : '••••••••'}</td>
              </tr>
            ))}
            {names.length === 0 ? (
              <tr>
                <td className="nd-table-empty">No variables are set.</td>
              </tr>
            ) : null}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

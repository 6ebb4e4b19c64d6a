import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { Eye, EyeOff, Pencil } from 'lucide-react';
import { useState } from 'react';
import type { HealthCheck } from '../../daemon/contract/configuration.ts';
import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import { defaultTls } from '../../daemon/contract/rules.ts';
import type { Host } from '../../preload/contract.ts';
import { DeployDialog } from '../dialogs/deploy-dialog.tsx';
import { formatSetting } from '../format.ts';
import { Facts, Panel } from '../ui/text.tsx';

interface AppConfigurationProps {
  host: Host;
  app: AppStatus;
  release: Release | undefined;
}

/** What the live release runs with, or before a first success what was tried last. It is changed by a deploy, which makes a new release of it. */
export function AppConfiguration({ host, app, release }: AppConfigurationProps) {
  const [isEditing, setEditing] = useState(false);
  if (release === undefined) return <p className="nd-dim">The configuration appears with the first release.</p>;
  const { configuration } = release;
  return (
    <div className="nd-columns">
      <Panel
        title={release.state === 'failed' ? `Configuration of ${release.id}, which failed` : 'Configuration'}
        aside={
          <Button size="compact-sm" leftSection={<Pencil size={13} />} onClick={() => setEditing(true)}>
            {release.state === 'failed' ? 'Try again…' : 'Deploy with changes…'}
          </Button>
        }
      >
        <Facts
          rows={[
            ['Domain', configuration.domain ?? 'none (a worker without a route)'],
            ['TLS', (configuration.tls ?? defaultTls(configuration.domain)) === 'auto' ? 'managed certificate' : 'off'],
            ['Ports', configuration.ports.join(', ')],
            ['Proxy', configuration.proxy],
            ['Health check', healthText(configuration.health)],
            ['Drain', `at most ${formatSetting(configuration.drain_ms)}`],
            ['Stop time-out', formatSetting(configuration.stop_timeout_ms)],
          ]}
        />
      </Panel>
      <Environment env={configuration.env} />
      <DeployDialog opened={isEditing} onClose={() => setEditing(false)} hostId={host.id} template={{ app, release }} />
    </div>
  );
}

function healthText(health: HealthCheck): string {
  if (health.kind === 'none') return 'none';
  const target = health.kind === 'http' ? `GET ${health.path}` : 'TCP connection';
  return `${target} must pass within ${formatSetting(health.deadline_ms)}`;
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
                <td className="nd-mono">{name}</td>
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

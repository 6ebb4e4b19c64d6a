import { Button, Progress } from '@mantine/core';
import { Download } from 'lucide-react';
import type { Host, InstallStep } from '../../preload/contract.ts';
import { useActions, useConsole } from '../state/hooks.ts';
import type { InstallRun } from '../state/stores.ts';
import { Mark, STEP_STATE } from '../ui/mark.tsx';
import { Notice } from '../ui/notice.tsx';
import { Panel } from '../ui/text.tsx';

/** The way from a bare server to one with a daemon, step by step; nothing where there is nothing to install. */
export function InstallPanel({ host }: { host: Host }) {
  const actions = useActions();
  const run = useConsole((state) => state.installs[host.id]);
  const isAbsent = host.connection.kind === 'connected' && host.daemon.kind === 'absent';
  if (!isAbsent && (run === undefined || run.state === 'done')) return null;
  const isRunning = run?.state === 'running';
  return (
    <Panel
      title={host.daemon.kind === 'ready' ? 'Upgrade of the daemon' : 'Install the daemon'}
      aside={
        <Button
          variant="filled"
          leftSection={<Download size={14} />}
          loading={isRunning}
          onClick={() => actions.install(host.id)}
        >
          Install daemon
        </Button>
      }
    >
      {host.daemon.kind === 'absent' ? (
        <p>
          {host.daemon.message} NextDeploy puts its daemon under <code>/opt/nextdeploy</code>, a systemd unit, and one import line
          into Caddy’s configuration. No port is opened.
        </p>
      ) : null}
      {run === undefined ? null : <InstallSteps run={run} />}
    </Panel>
  );
}

function InstallSteps({ run }: { run: InstallRun }) {
  return (
    <>
      <ol className="nd-steps" aria-label="Installation steps">
        {run.steps.map((step) => (
          <li key={step.name} data-step={step.name} data-state={step.state} data-tone={STEP_STATE[step.state].tone}>
            <Mark meaning={STEP_STATE[step.state]} isCompact />
            <span className="nd-step-name">{step.name}</span>
            <span className="nd-step-detail" title={step.detail}>
              {step.detail}
            </span>
            <StepProgress step={step} />
          </li>
        ))}
      </ol>
      {run.message === null ? null : <Notice tone="bad" title="The daemon was not installed" text={run.message} />}
    </>
  );
}

function StepProgress({ step }: { step: InstallStep }) {
  if (step.progress === null || step.state !== 'running') return <span />;
  return <Progress value={step.progress * 100} w={90} size="sm" aria-label={`Progress of ${step.name}`} />;
}

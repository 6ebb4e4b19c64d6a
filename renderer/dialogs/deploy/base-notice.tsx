import { Button } from '@mantine/core';
import { deployChanges } from '../../state/deploy-changes.ts';
import type { DeployForm } from '../../state/deploy-form.ts';
import { DifferenceTable } from '../../ui/difference-table.tsx';
import { Notice } from '../../ui/notice.tsx';
import type { DeployBase } from '../use-deploy-base.ts';

interface BaseNoticeProps {
  base: DeployBase;
  /** Replicas that a deploy keeps where it says nothing. */
  replicas: number;
  form: DeployForm;
}

/** What the app runs with now, and what this deploy would make of it. */
export function BaseNotice({ base, replicas, form }: BaseNoticeProps) {
  switch (base.state) {
    case 'new':
      return null;
    case 'reading':
      return <Notice tone="info" title="Reading the configuration that this app has…" />;
    case 'failed':
      return (
        <Notice tone="bad" title="This app exists, and its configuration could not be read" text={base.message}>
          <Button onClick={base.retry}>Read again</Button>
        </Notice>
      );
    case 'ready': {
      const { app_name, id, state } = base.release;
      const from = state === 'failed' ? `${id}, which failed` : id;
      const changes = deployChanges(base.release, replicas, form);
      return (
        <section data-testid="deploy-changes">
          <h3 className="nd-label">
            A new release of {app_name}, made from {from}
          </h3>
          {changes === null ? (
            <p className="nd-dim">What it changes is shown as soon as every field is valid.</p>
          ) : (
            <DifferenceTable rows={changes} from={id} to="this deploy" empty="Nothing differs: the same is deployed once more." />
          )}
        </section>
      );
    }
  }
}

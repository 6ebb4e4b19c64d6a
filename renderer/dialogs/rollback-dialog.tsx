import { Button, Group, Modal, Radio } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { compareReleases } from '../../daemon/contract/compare.ts';
import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import { imageOnly, releaseRows, withoutReplicas } from '../state/differences.ts';
import { DifferenceTable } from '../ui/difference-table.tsx';
import { Ago, ImageName } from '../ui/text.tsx';
import { ProductionNote } from './production-note.tsx';

interface RollbackDialogProps {
  opened: boolean;
  onClose(): void;
  app: AppStatus;
  isProduction: boolean;
  live: Release | undefined;
  target: Release;
  /** Resolves with whether it has begun. */
  onRollback(codeOnly: boolean): Promise<boolean>;
}

/** Asks whether a release comes back whole or only its code does, and shows what either changes. */
export function RollbackDialog(props: RollbackDialogProps) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={`Roll ${props.app.name} back to ${props.target.id}`} size={680}>
      <RollbackForm {...props} />
    </Modal>
  );
}

function RollbackForm({ onClose, isProduction, live, target, onRollback }: RollbackDialogProps) {
  const [mode, setMode] = useState<'whole' | 'code'>('whole');
  const [isBusy, setBusy] = useState(false);
  const all = live === undefined ? [] : compareReleases(live, target);
  const isCodeOnly = mode === 'code';
  const rows = live === undefined ? [] : releaseRows(isCodeOnly ? imageOnly(all) : withoutReplicas(all), live, target);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    const hasBegun = await onRollback(isCodeOnly);
    setBusy(false);
    if (hasBegun) onClose();
  };
  return (
    <form className="nd-form" onSubmit={(event) => void submit(event)}>
      {isProduction ? <ProductionNote /> : null}
      <div className="nd-row">
        <ImageName reference={target.image} />
        <span className="nd-dim">
          made <Ago ts={target.created_at} /> by {target.created_by}
        </span>
      </div>
      <Radio.Group value={mode} onChange={(value) => setMode(value === 'code' ? 'code' : 'whole')} aria-label="What comes back">
        <div className="nd-choices">
          <Radio.Card value="whole" className="nd-choice nd-choice-tall" aria-label="The whole release">
            <Radio.Indicator size="xs" />
            <span>
              <strong>The whole release</strong>
              <span className="nd-dim">
                Image, environment, routes and limits as they were. {target.id} serves again; its pre- and post-switch commands do
                not run once more.
              </span>
            </span>
          </Radio.Card>
          <Radio.Card value="code" className="nd-choice nd-choice-tall" aria-label="The code only">
            <Radio.Indicator size="xs" />
            <span>
              <strong>The code only</strong>
              <span className="nd-dim">
                Its image with what {live?.id ?? 'the live release'} is configured with, as a new release. For when a variable or
                a route changed since must stay.
              </span>
            </span>
          </Radio.Card>
        </div>
      </Radio.Group>
      <div>
        <h3 className="nd-label">What changes</h3>
        {live === undefined ? (
          <p className="nd-dim">What is live is not known here, so there is nothing to compare with.</p>
        ) : (
          <DifferenceTable
            rows={rows}
            from={`${live.id}, live`}
            to={isCodeOnly ? `code of ${target.id}` : target.id}
            empty="Nothing differs: the same serves once more."
          />
        )}
      </div>
      <Group justify="flex-end" gap={8}>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="filled" loading={isBusy} data-autofocus>
          {isCodeOnly ? 'Roll back the code' : `Roll back to ${target.id}`}
        </Button>
      </Group>
    </form>
  );
}

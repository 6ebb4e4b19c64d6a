import { Drawer, Select } from '@mantine/core';
import { useState } from 'react';
import { compareReleases } from '../../daemon/contract/compare.ts';
import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import { can } from '../../daemon/contract/rules.ts';
import { formatDateTime, sentence } from '../format.ts';
import { releaseRows } from '../state/differences.ts';
import { DifferenceTable } from '../ui/difference-table.tsx';
import { GatedButton } from '../ui/gated-button.tsx';
import { Mark, releaseMeaning } from '../ui/mark.tsx';
import { Copyable, Facts } from '../ui/text.tsx';
import { NextCoreFacts } from './nextcore-card.tsx';

interface ReleaseDrawerProps {
  app: AppStatus;
  releases: readonly Release[];
  /** The one to show; undefined: closed. */
  release: Release | undefined;
  onClose(): void;
  onRollback(release: string): void;
}

/** One release: what it is and was, and how it differs from any other. */
export function ReleaseDrawer({ app, releases, release, onClose, onRollback }: ReleaseDrawerProps) {
  return (
    <Drawer
      opened={release !== undefined}
      onClose={onClose}
      position="right"
      size={720}
      title={release === undefined ? '' : `${app.name} ${release.id}`}
    >
      {release === undefined ? null : (
        <ReleaseDetail key={release.id} app={app} releases={releases} release={release} onRollback={onRollback} />
      )}
    </Drawer>
  );
}

function ReleaseDetail({
  app,
  releases,
  release,
  onRollback,
}: Omit<ReleaseDrawerProps, 'release' | 'onClose'> & { release: Release }) {
  const [otherId, setOtherId] = useState(() => comparedFirst(app, releases, release)?.id ?? null);
  const other = releases.find((each) => each.id === otherId);
  const name = (each: Release) => `${each.id}${each.id === app.release ? ', live' : ''}`;
  return (
    <div className="nd-form">
      <div className="nd-operation-head">
        <Mark meaning={releaseMeaning(release, app)} />
        <span className="nd-grow" />
        <GatedButton size="compact-sm" verdict={can.rollbackTo(app, release)} onClick={() => onRollback(release.id)}>
          Roll back…
        </GatedButton>
      </div>
      <Facts
        rows={[
          ['Image', <Copyable key="image" value={release.image} label="Copy the image’s name" />],
          ['Content', <Copyable key="id" value={release.image_id} label="Copy the image’s id" />],
          ['Made', `${formatDateTime(release.created_at)} by ${release.created_by}`],
          ...(release.ended_at === null
            ? []
            : [
                [
                  'Ended',
                  `${formatDateTime(release.ended_at)} · ${sentence(release.end_reason ?? 'no reason is on record')}`,
                ] as const,
              ]),
        ]}
      />
      {release.nextcore === null ? null : (
        <section>
          <h3 className="nd-label">Next.js build</h3>
          <NextCoreFacts build={release.nextcore} />
        </section>
      )}
      <section>
        <div className="nd-compare-head">
          <h3>Compared with</h3>
          <Select
            aria-label="Compared with"
            allowDeselect={false}
            value={otherId}
            onChange={setOtherId}
            data={releases.filter((each) => each.id !== release.id).map((each) => ({ value: each.id, label: name(each) }))}
            placeholder="no other release"
            comboboxProps={{ withinPortal: true }}
          />
        </div>
        {other === undefined ? (
          <p className="nd-dim">There is no other release to compare it with.</p>
        ) : (
          <Comparison one={release} other={other} name={name} />
        )}
      </section>
    </div>
  );
}

/** The older one stands on the left, whichever of the two was opened. */
function Comparison({ one, other, name }: { one: Release; other: Release; name(release: Release): string }) {
  const [before, after] = numberOf(one) < numberOf(other) ? [one, other] : [other, one];
  return (
    <DifferenceTable
      rows={releaseRows(compareReleases(before, after), before, after)}
      from={name(before)}
      to={name(after)}
      empty="They run the same: nothing differs."
    />
  );
}

const numberOf = (release: Release) => Number(release.id.slice(1));

/** What a release is most likely held against: what is live, or for that one, the release before it. */
function comparedFirst(app: AppStatus, releases: readonly Release[], release: Release): Release | undefined {
  const live = releases.find((each) => each.id === app.release);
  if (live !== undefined && live.id !== release.id) return live;
  const older = releases.filter((each) => numberOf(each) < numberOf(release));
  return older.find((each) => each.state !== 'failed') ?? older[0];
}

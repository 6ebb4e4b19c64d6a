import { CircleCheck, CircleMinus, CirclePlus, CircleX, ImageOff, Pencil, Play } from 'lucide-react';
import type { RestoreChange, RestoredApp, RestoreReport } from '../../daemon/contract/backup.ts';
import { formatDateTime, sentence, shortReference } from '../format.ts';
import { Mark, type Meaning } from '../ui/mark.tsx';
import { Prose } from '../ui/prose.tsx';
import { Facts } from '../ui/text.tsx';

const CHANGE: Record<RestoreChange['change'], Meaning> = {
  added: { tone: 'ok', icon: CirclePlus, word: 'Added' },
  replaced: { tone: 'info', icon: Pencil, word: 'Replaced' },
  gone: { tone: 'bad', icon: CircleX, word: 'Gone' },
};
const OUTCOME: Record<RestoredApp['outcome'], Meaning> = {
  serves_on: { tone: 'ok', icon: CircleCheck, word: 'Serves on' },
  starts: { tone: 'info', icon: Play, word: 'Is started' },
  needs_image: { tone: 'busy', icon: ImageOff, word: 'Needs its image' },
  stays_stopped: { tone: 'idle', icon: CircleMinus, word: 'Stays stopped' },
};
const ORDER: RestoreChange['change'][] = ['gone', 'replaced', 'added'];

/** What a restore would change, or has changed: what goes stands first. */
export function RestoreReportView({ report }: { report: RestoreReport }) {
  const { backup, changes, unchanged, apps, missing_images } = report;
  const ordered = changes.toSorted(
    (a, b) => ORDER.indexOf(a.change) - ORDER.indexOf(b.change) || a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name),
  );
  return (
    <>
      <Facts
        rows={[
          ['Backup of', backup.hostname],
          ['Made', formatDateTime(backup.created_at)],
          ['By', `nextdeployd ${backup.version}`],
          ['Alike in both', String(unchanged)],
        ]}
      />
      {ordered.length === 0 ? (
        <p>Nothing differs from what this server has.</p>
      ) : (
        <div className="nd-table-frame nd-framed nd-restore">
          <table className="nd-table nd-table-fixed" aria-label="What changes">
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">Name</th>
                <th scope="col">Change</th>
                <th scope="col">Detail</th>
              </tr>
            </thead>
            <tbody>
              {ordered.map(({ kind, name, change, detail }) => (
                <tr key={`${kind} ${name}`}>
                  <td>{sentence(kind)}</td>
                  <td className="nd-mono nd-wrap">{name}</td>
                  <td>
                    <Mark meaning={CHANGE[change]} />
                  </td>
                  <td className="nd-wrap">
                    <Prose text={sentence(detail)} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {apps.length === 0 ? null : (
        <section>
          <h3 className="nd-label">Apps afterwards</h3>
          <ul className="nd-outcome nd-restored-apps" aria-label="Apps afterwards">
            {apps.map(({ name, outcome, detail }) => (
              <li key={name}>
                <span className="nd-strong nd-wrap">{name}</span>
                <Mark meaning={OUTCOME[outcome]} />
                <span className="nd-wrap">
                  <Prose text={sentence(detail)} />
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {missing_images.length === 0 ? null : (
        <section>
          <h3 className="nd-label">Images that are not on this host</h3>
          <ul className="nd-missing">
            {missing_images.map(({ app_name, release, image, is_live }) => (
              <li key={`${app_name} ${release}`}>
                <span className="nd-mono nd-wrap" title={image}>
                  {shortReference(image)}
                </span>{' '}
                <span className="nd-dim">
                  {app_name} {release}
                  {is_live ? ', which serves' : ', for a rollback only'}
                </span>
              </li>
            ))}
          </ul>
          <p className="nd-hint">
            <Prose text="A backup holds no images: load them (`nextdeploy images load`), or deploy anew." />
          </p>
        </section>
      )}
    </>
  );
}

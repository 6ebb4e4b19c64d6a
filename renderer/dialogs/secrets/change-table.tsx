import { CircleMinus, CircleX, Pencil, Plus } from 'lucide-react';
import type { SecretChange } from '../../../daemon/contract/secrets.ts';
import { inOrderOfChange } from '../../state/secrets.ts';
import { Mark, type Meaning } from '../../ui/mark.tsx';

const CHANGE: Record<SecretChange['change'], Meaning> = {
  added: { tone: 'ok', icon: Plus, word: 'Added' },
  changed: { tone: 'info', icon: Pencil, word: 'Changed' },
  unchanged: { tone: 'idle', icon: CircleMinus, word: 'Unchanged' },
  removed: { tone: 'bad', icon: CircleX, word: 'Removed' },
  kept: { tone: 'idle', icon: CircleMinus, word: 'Kept, set by hand' },
};

/** What the daemon says would become of each secret. */
export function ChangeTable({ changes }: { changes: readonly SecretChange[] }) {
  return (
    <div className="nd-table-frame nd-framed nd-changes">
      <table className="nd-table nd-table-fixed" aria-label="Changes">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Change</th>
            <th scope="col">Version</th>
          </tr>
        </thead>
        <tbody>
          {inOrderOfChange(changes).map(({ name, change, version }) => (
            <tr key={name} data-change={change}>
              <th scope="row" className="nd-mono nd-wrap">
                {name}
              </th>
              <td>
                <Mark meaning={CHANGE[change]} />
              </td>
              <td className="nd-number">{versionText(change, version)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function versionText(change: SecretChange['change'], version: number | null): string {
  if (version === null) return '–';
  return change === 'changed' ? `${version - 1} → ${version}` : String(version);
}

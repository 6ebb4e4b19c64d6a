import { Button, Drawer } from '@mantine/core';
import type { Secret } from '../../daemon/contract/secrets.ts';
import { formatDateTime } from '../format.ts';
import { PROVIDER_NAME } from '../state/providers.ts';
import { type AppReleases, ownerOfSecret, ownerTitle, releasesByVersion } from '../state/secrets.ts';
import { Copyable, Facts } from '../ui/text.tsx';
import { Fingerprint, type SecretControls } from './secret-columns.tsx';

interface SecretDrawerProps extends SecretControls {
  /** The one to show; undefined: closed. */
  secret: Secret | undefined;
  apps: readonly AppReleases[];
  onClose(): void;
}

/** One secret: who changed it and when, and which releases run with which version. */
export function SecretDrawer({ secret, onClose, ...detail }: SecretDrawerProps) {
  return (
    <Drawer opened={secret !== undefined} onClose={onClose} position="right" size={720} title={secret?.name ?? ''}>
      {secret === undefined ? null : <SecretDetail {...detail} secret={secret} />}
    </Drawer>
  );
}

function SecretDetail({ secret, apps, onSet, onRemove }: Omit<SecretDrawerProps, 'onClose'> & { secret: Secret }) {
  const uses = releasesByVersion(secret, apps);
  return (
    <div className="nd-form">
      <div className="nd-operation-head">
        <span className="nd-grow nd-dim">Its value is sealed on the server and shown nowhere.</span>
        <Button size="compact-sm" onClick={() => onSet(secret)}>
          Set anew…
        </Button>
        <Button size="compact-sm" onClick={() => onRemove(secret)}>
          Remove…
        </Button>
      </div>
      <Facts
        rows={[
          ['Given by', ownerTitle(ownerOfSecret(secret))],
          ['From', secret.origin === null ? 'set by hand' : `pulled from ${PROVIDER_NAME[secret.origin]}`],
          ['Version', String(secret.version)],
          ['Fingerprint', <Copyable key="fingerprint" value={secret.fingerprint} label="Copy the fingerprint" />],
          ['Set', `${formatDateTime(secret.updated_at)} by ${secret.updated_by}`],
        ]}
      />
      <section>
        <h3 className="nd-label">Versions that are kept</h3>
        <div className="nd-table-frame nd-framed">
          <table className="nd-table nd-versions" aria-label={`Versions of ${secret.name}`}>
            <thead>
              <tr>
                <th scope="col">Version</th>
                <th scope="col">Fingerprint</th>
                <th scope="col">Set</th>
                <th scope="col">By</th>
                <th scope="col">Runs in</th>
              </tr>
            </thead>
            <tbody>
              {secret.versions.map(({ version, fingerprint, created_at, created_by }) => (
                <tr key={version}>
                  <td className="nd-number">{version}</td>
                  <td className="nd-nowrap">
                    <Fingerprint of={fingerprint} />
                    <SameAs version={version} secret={secret} fingerprint={fingerprint} />
                  </td>
                  <td className="nd-number">{formatDateTime(created_at)}</td>
                  <td>{created_by}</td>
                  <td>{uses.get(version) ?? <span className="nd-dim">–</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
    </div>
  );
}

/** A value that was there before is worth a word: somebody has gone back. */
function SameAs({ secret, version, fingerprint }: { secret: Secret; version: number; fingerprint: string }) {
  const older = secret.versions.find((each) => each.version < version && each.fingerprint === fingerprint);
  return older === undefined ? null : <span className="nd-dim"> as version {older.version}</span>;
}

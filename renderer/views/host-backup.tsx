import { Button, FileButton, Group, PasswordInput, Progress } from '@mantine/core';
import { Download, FileUp } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import type { RestoreReport } from '../../daemon/contract/backup.ts';
import type { Host } from '../../preload/contract.ts';
import { messageOf } from '../bridge/bridge-error.ts';
import { TypedConfirmation } from '../dialogs/typed-confirmation.tsx';
import { formatBytes } from '../format.ts';
import { useActions } from '../state/hooks.ts';
import { passphraseErrors, type Strength, strengthOf } from '../state/passphrase.ts';
import { download, fileName } from '../ui/download.ts';
import { Notice } from '../ui/notice.tsx';
import { notifySuccess } from '../ui/run.tsx';
import { Panel } from '../ui/text.tsx';
import { RestoreReportView } from './restore-report.tsx';

/** One encrypted file with everything that a server needs to be itself again; and the way back. */
export function HostBackup({ host }: { host: Host }) {
  const isReady = host.connection.kind === 'connected' && host.daemon.kind === 'ready';
  if (!isReady) return <p className="nd-dim">Backups are made and restored while the host’s daemon answers.</p>;
  return (
    <div className="nd-columns nd-backup">
      <BackUp key={`back up ${host.id}`} host={host} />
      <Restore key={`restore ${host.id}`} host={host} />
    </div>
  );
}

const NO_ERRORS: { passphrase?: string; again?: string } = {};

function BackUp({ host }: { host: Host }) {
  const actions = useActions();
  const [passphrase, setPassphrase] = useState('');
  const [again, setAgain] = useState('');
  const [errors, setErrors] = useState(NO_ERRORS);
  const [problem, setProblem] = useState<string | null>(null);
  const [bytes, setBytes] = useState<number | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (bytes !== null) return;
    const found = passphraseErrors(passphrase, again);
    setErrors(found ?? NO_ERRORS);
    if (found !== null) return;
    setProblem(null);
    setBytes(0);
    try {
      const file = await actions.downloadBackup(host.id, passphrase, setBytes);
      const name = fileName('backup', host.name, 'age', Date.now());
      download(name, file);
      setPassphrase('');
      setAgain('');
      notifySuccess(`${host.name} is backed up`, `${formatBytes(file.size)} in ${name}. Keep the passphrase apart from it.`);
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBytes(null);
    }
  };
  return (
    <Panel title="Back up">
      <form className="nd-form" noValidate onSubmit={(event) => void submit(event)}>
        <p>
          State, secrets with the key that opens them, certificates, routes and tokens, in one file that only the passphrase
          opens. Images are not in it, nor what apps keep in their volumes and databases.
        </p>
        <PasswordInput
          label="Passphrase"
          autoComplete="new-password"
          value={passphrase}
          error={errors.passphrase}
          onChange={(event) => {
            setPassphrase(event.currentTarget.value);
            setErrors(NO_ERRORS);
          }}
        />
        <StrengthHint passphrase={passphrase} />
        <PasswordInput
          label="The passphrase again"
          autoComplete="new-password"
          description="Nobody can open the file without it: it is kept nowhere."
          value={again}
          error={errors.again}
          onChange={(event) => {
            setAgain(event.currentTarget.value);
            setErrors(NO_ERRORS);
          }}
        />
        {problem === null ? null : <Notice tone="bad" title="No backup was made" text={problem} />}
        <Group justify="flex-end" gap={8}>
          {bytes === null ? null : <span className="nd-dim nd-number">{formatBytes(bytes)} so far</span>}
          <Button type="submit" variant="filled" leftSection={<Download size={14} />} loading={bytes !== null}>
            Download backup
          </Button>
        </Group>
      </form>
    </Panel>
  );
}

const PARTS: Record<Strength, number> = { none: 0, weak: 1, fair: 2, strong: 3 };
const TONE: Record<Strength, string> = { none: 'idle', weak: 'bad', fair: 'busy', strong: 'ok' };

function StrengthHint({ passphrase }: { passphrase: string }) {
  const { strength, text } = strengthOf(passphrase);
  return (
    <div className="nd-strength" data-tone={TONE[strength]} role="status">
      <span className="nd-strength-bar" aria-hidden>
        {[1, 2, 3].map((part) => (
          <span key={part} data-on={part <= PARTS[strength]} />
        ))}
      </span>
      <span>{text}</span>
    </div>
  );
}

function Restore({ host }: { host: Host }) {
  const actions = useActions();
  const [file, setFile] = useState<File | null>(null);
  const [passphrase, setPassphrase] = useState('');
  const [report, setReport] = useState<RestoreReport | null>(null);
  const [typed, setTyped] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [part, setPart] = useState<number | null>(null);
  const isDone = report?.applied === true;
  const isAllowed = file !== null && passphrase !== '' && (report === null || typed === host.name);
  const forget = () => {
    setReport(null);
    setTyped('');
    setProblem(null);
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!isAllowed || file === null || part !== null) return;
    setProblem(null);
    setPart(0);
    try {
      const said = await actions.uploadBackup(host.id, { file, passphrase, apply: report !== null }, setPart);
      setReport(said);
      if (said.applied) setPassphrase('');
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setPart(null);
    }
  };
  return (
    <Panel title="Restore">
      <form className="nd-form" noValidate onSubmit={(event) => void submit(event)}>
        {isDone ? (
          <Notice
            tone="ok"
            title={`${host.name} is what the backup says`}
            text="Its daemon starts anew with it now; that takes a few seconds. Tokens and secrets are those of the backup, also those that were revoked or removed since."
          />
        ) : (
          <>
            <p>
              Puts the state of a backup in the place of what {host.name} has. First comes a rehearsal: it says what would change,
              and changes nothing.
            </p>
            <Group gap={10} wrap="nowrap">
              <FileButton
                accept=".age,application/octet-stream"
                onChange={(chosen) => {
                  setFile(chosen);
                  forget();
                }}
              >
                {(props) => (
                  <Button {...props} leftSection={<FileUp size={14} />} disabled={part !== null}>
                    Choose file…
                  </Button>
                )}
              </FileButton>
              <span className={file === null ? 'nd-dim' : 'nd-wrap'}>
                {file === null ? 'No backup is chosen yet.' : `${file.name}, ${formatBytes(file.size)}`}
              </span>
            </Group>
            <PasswordInput
              label="Its passphrase"
              autoComplete="off"
              value={passphrase}
              disabled={report !== null}
              onChange={(event) => {
                setPassphrase(event.currentTarget.value);
                setProblem(null);
              }}
            />
          </>
        )}
        {report === null ? null : <RestoreReportView report={report} />}
        {report === null || isDone ? null : (
          <>
            <Notice
              tone="busy"
              title="This replaces what the server has"
              text={
                report.kept_in.length === 0
                  ? 'The state of now is kept on the server until the next restore.'
                  : `The state of now is kept in ${report.kept_in.join(', ')} until the next restore.`
              }
            />
            <TypedConfirmation typed={host.name} value={typed} onChange={setTyped} />
          </>
        )}
        {part === null ? null : (
          <Progress aria-label="Sent" value={part * 100} size="sm" striped={part >= 1} animated={part >= 1} />
        )}
        {problem === null ? null : (
          <Notice tone="bad" title={report === null ? 'The backup cannot be restored' : 'It was not restored'} text={problem} />
        )}
        <Group justify="flex-end" gap={8}>
          {report === null ? null : (
            <Button
              onClick={() => {
                forget();
                if (isDone) setFile(null);
              }}
              disabled={part !== null}
            >
              {isDone ? 'Close' : 'Back'}
            </Button>
          )}
          {isDone ? null : (
            <Button
              type="submit"
              variant={report === null ? 'default' : 'filled'}
              {...(report === null ? {} : { color: 'red' })}
              disabled={!isAllowed}
              loading={part !== null}
            >
              {report === null ? 'Rehearse' : `Restore ${host.name}`}
            </Button>
          )}
        </Group>
      </form>
    </Panel>
  );
}

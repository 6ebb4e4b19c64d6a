/** What of the secrets a release is given, and what of them is never told. */
import { environmentBytes } from '../contract/environment.ts';
import { LIMITS } from '../contract/limits.ts';
import type { GivenSecrets, Journal, World } from './ports.ts';
import { redact } from './redaction.ts';
import { StepFailure } from './saga.ts';
import type { OperationRecord, StepProgress } from './state.ts';

type Vault = Pick<World, 'secrets'>;
type Releases = Pick<Journal, 'getRelease'>;

/** For the containers of a release. Throws a DomainError when a value is not kept any more. */
export function openSecrets({ secrets }: Vault, journal: Releases, app_name: string, release: string): GivenSecrets {
  const found = journal.getRelease(app_name, release);
  const inject = found?.configuration.secrets.inject ?? 'none';
  if (found === null || inject === 'none') return { inject: 'env', values: new Map() };
  return { inject, values: secrets.open(found.secrets) };
}

/** Throws a {@link StepFailure} when the kernel could not give all of them to a program of this release. */
export function demandRoomForSecrets(vault: Vault, journal: Releases, app_name: string, release: string): void {
  const { inject, values } = openSecrets(vault, journal, app_name, release);
  if (inject === 'file') return;
  const opened = [...values].map(([name, value]) => [name, value.open()]);
  const env = journal.getRelease(app_name, release)?.configuration.env ?? {};
  const bytes = environmentBytes({ ...env, ...Object.fromEntries(opened) });
  if (bytes <= LIMITS.env_bytes_max) return;
  const message = `The variables and secrets of ${app_name} take ${bytes} bytes, and a program can be given ${LIMITS.env_bytes_max} at most; remove some.`;
  throw new StepFailure(message, {}, { field: 'env' });
}

/** The same without the values of secrets in what programs have printed or answered: none of that is kept, told or gone on with. */
export function maskedRecord(record: OperationRecord, vault: Vault, journal: Releases): OperationRecord {
  const { evidence, error, steps } = record;
  if (evidence === null && error === null && steps.every(({ output }) => output.lines === undefined)) return record;
  const mask = maskOf(record, vault, journal);
  return {
    ...record,
    error: error && { ...error, message: mask(error.message) },
    evidence: evidence && {
      ...evidence,
      reason: mask(evidence.reason),
      log_tail: evidence.log_tail.map(mask),
      probes: evidence.probes.map((probe) => ({ ...probe, detail: mask(probe.detail) })),
    },
    steps: steps.map((step) => {
      const { detail, output } = step;
      const { lines } = output;
      const masked = lines === undefined ? output : { ...output, lines: lines.map(mask) };
      return { ...step, detail: detail && mask(detail), output: masked };
    }),
  };
}

export function maskedProgress(progress: StepProgress, record: OperationRecord, vault: Vault, journal: Releases): StepProgress {
  return progress.lines === null ? progress : { ...progress, lines: progress.lines.map(maskOf(record, vault, journal)) };
}

/** A text about the app, without what its live release, or the next one, is given. */
export function maskedText(
  text: string,
  app_name: string,
  vault: Vault,
  journal: Pick<Journal, 'getApp' | 'getRelease'>,
): string {
  const release = journal.getApp(app_name)?.release ?? null;
  return maskOf({ app_name, release, from_release: null }, vault, journal)(text);
}

function maskOf(
  { app_name, release, from_release }: Pick<OperationRecord, 'app_name' | 'release' | 'from_release'>,
  { secrets }: Vault,
  journal: Releases,
): (text: string) => string {
  const releases = [release, from_release].flatMap((id) => (id === null ? [] : (journal.getRelease(app_name, id) ?? [])));
  const values = releases.flatMap((one) => secrets.valuesOf(app_name, one.configuration.project ?? null, one.secrets));
  const opened = [...new Set(values.map((value) => value.open()))];
  return (text) => redact(text, opened);
}

import { type DeployRequest, deployRequestSchema } from '../../daemon/contract/configuration.ts';
import { type FieldError, toInvalidRequest } from '../../daemon/contract/errors.ts';
import { parseCommand } from './command-line.ts';
import type { DeployForm, RedirectRow, VolumeRow } from './deploy-form.ts';
import { parseSize, parseTime } from './quantity.ts';

export type ReadForm = { isValid: true; request: DeployRequest } | { isValid: false; errors: FieldError[] };

/** Checks the form with the contract's own schema, so that it refuses what the daemon would refuse; errors name the contract's fields. */
export function readDeployForm(form: DeployForm): ReadForm {
  const problems: FieldError[] = [];
  const note = (field: string, message: string) => void problems.push({ field, message });
  const parsed = deployRequestSchema.safeParse(without(requestOf(form, note)));
  if (parsed.success && problems.length === 0) return { isValid: true, request: parsed.data };
  const refused = parsed.success ? [] : (toInvalidRequest(parsed.error, 'body').details as FieldError[]); // exactly these are put there
  const noted = new Set(problems.map(({ field }) => field));
  return { isValid: false, errors: [...problems, ...refused.filter(({ field }) => !noted.has(field))] };
}

type Note = (field: string, message: string) => void;

function requestOf(form: DeployForm, note: Note): Record<string, unknown> {
  return {
    app_name: form.app_name.trim(),
    image: form.image.trim(),
    ...registryOf(form),
    pull: form.pull,
    env: envOf(form, note),
    project: textOf(form.project),
    secrets: { inject: form.secrets },
    domain: textOf(form.domain),
    aliases: wordsOf(form.aliases),
    redirects: filledRedirects(form).map(({ from, to, status }) => without({ from: from.trim(), to: textOf(to), status })),
    tls: form.tls === 'default' ? undefined : form.tls,
    proxy: form.proxy === 'default' ? undefined : form.proxy,
    ports: [requiredNumber(form.port), ...wordsOf(form.more_ports).map(requiredNumber)],
    health: without(healthOf(form, note)),
    replicas: numberOf(form.replicas),
    limits: without({ cpus: cpusOf(form, note), memory_bytes: sizeOf(form.memory, 'limits.memory_bytes', note) }),
    volumes: filledVolumes(form).map(({ kind, source, target, read_only }) => ({
      kind,
      [kind === 'volume' ? 'name' : 'source']: source.trim(),
      target: target.trim(),
      read_only,
    })),
    networks: wordsOf(form.networks),
    user: textOf(form.user),
    read_only_root: form.read_only_root,
    capabilities: wordsOf(form.capabilities),
    stop_signal: textOf(form.stop_signal),
    stop_timeout_ms: timeOf(form.stop_timeout, 'stop_timeout_ms', note),
    drain_ms: timeOf(form.drain, 'drain_ms', note),
    watch_ms: timeOf(form.watch, 'watch_ms', note),
    pre_switch: hookOf('pre_switch', form.pre_command, form.pre_timeout, note),
    post_switch: hookOf('post_switch', form.post_command, form.post_timeout, note),
    log: without({ file_bytes_max: sizeOf(form.log_size, 'log.file_bytes_max', note), files: numberOf(form.log_files) }),
    nextcore: form.build?.image === form.image.trim() ? form.build.nextcore : undefined,
  };
}

/** Rows that hold something; the index of a row here is the index in the request. */
export const filledRedirects = ({ redirects }: Pick<DeployForm, 'redirects'>): RedirectRow[] =>
  redirects.filter(({ from, to }) => from.trim() !== '' || to.trim() !== '');
export const filledVolumes = ({ volumes }: Pick<DeployForm, 'volumes'>): VolumeRow[] =>
  volumes.filter(({ source, target }) => source.trim() !== '' || target.trim() !== '');

function envOf({ env }: DeployForm, note: Note): Record<string, string> {
  const rows = env.map((row) => ({ ...row, name: row.name.trim() })).filter((row) => row.name !== '' || row.value !== '');
  for (const [index, { name }] of rows.entries()) {
    if (rows.findIndex((other) => other.name === name) < index) note(`env.${name}`, 'this name is there twice');
  }
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

/** The login of a request, or nothing where none was typed. */
export function registryOf({
  registry_username,
  registry_password,
}: Pick<DeployForm, 'registry_username' | 'registry_password'>) {
  const username = registry_username.trim();
  return username === '' && registry_password === '' ? {} : { registry: { username, password: registry_password } };
}

function healthOf(form: DeployForm, note: Note): Record<string, unknown> {
  if (form.health_kind === 'none') return { kind: 'none' };
  const timing = {
    interval_ms: timeOf(form.health_interval, 'health.interval_ms', note),
    timeout_ms: timeOf(form.health_timeout, 'health.timeout_ms', note),
    deadline_ms: timeOf(form.health_deadline, 'health.deadline_ms', note),
    retries: numberOf(form.health_retries),
    start_period_ms: timeOf(form.health_start_period, 'health.start_period_ms', note),
  };
  if (form.health_kind === 'tcp') return { kind: 'tcp', ...timing };
  return { kind: 'http', path: form.health_path.trim(), status: statusOf(form), ...timing };
}

/** One end alone leaves the other at its default. */
function statusOf({ health_status_min, health_status_max }: DeployForm) {
  const [min, max] = [numberOf(health_status_min), numberOf(health_status_max)];
  return min === undefined && max === undefined ? undefined : { min: min ?? 200, max: max ?? 399 };
}

function hookOf(field: 'pre_switch' | 'post_switch', text: string, timeout: string, note: Note) {
  if (text.trim() === '') {
    if (timeout.trim() !== '') note(`${field}.command`, 'name the command that this time is for, or clear the time');
    return undefined;
  }
  const { words, problem } = parseCommand(text);
  if (problem !== null) note(`${field}.command`, problem);
  return without({ command: words ?? ['-'], timeout_ms: timeOf(timeout, `${field}.timeout_ms`, note) });
}

function timeOf(text: string, field: string, note: Note): number | undefined {
  return quantityOf(text, parseTime, () => note(field, 'write a time such as 30 s, 500 ms or 2 min'));
}

function sizeOf(text: string, field: string, note: Note): number | undefined {
  return quantityOf(text, parseSize, () => note(field, 'write a size such as 512 MiB or 1.5 GiB'));
}

function quantityOf(text: string, parse: (text: string) => number | null, complain: () => void): number | undefined {
  if (text.trim() === '') return undefined;
  const value = parse(text);
  if (value === null) complain();
  return value ?? undefined;
}

function cpusOf({ cpus }: DeployForm, note: Note): number | undefined {
  return quantityOf(
    cpus,
    (text) => (Number.isFinite(Number(text)) ? Number(text) : null),
    () => note('limits.cpus', 'write a number such as 0.5 or 2'),
  );
}

const textOf = (text: string) => (text.trim() === '' ? undefined : text.trim());
const wordsOf = (words: readonly string[]) => words.map((word) => word.trim()).filter((word) => word !== '');
/** What is no number becomes one that the contract refuses, with its sentence. */
const numberOf = (value: number | string) => (String(value).trim() === '' ? undefined : Number(value));
const requiredNumber = (value: number | string) => numberOf(value) ?? Number.NaN;

/** Without entries that are undefined: the contract knows no such value. */
function without(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

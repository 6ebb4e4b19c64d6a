/** What is asked of Docker for one container of ours (`POST /containers/create` of the Engine API). Pure. */
import type { Volume } from '../../contract/configuration.ts';
import { SECRETS_DIRECTORY } from '../../contract/limits.ts';
import type { ContainerRole, ContainerSpec } from '../../engine/ports.ts';

export const LABELS = {
  app: 'nextdeploy.app',
  release: 'nextdeploy.release',
  slot: 'nextdeploy.slot',
  operation: 'nextdeploy.operation',
  role: 'nextdeploy.role',
  replica: 'nextdeploy.replica',
  hook: 'nextdeploy.hook',
} as const;

/** In memory, for apps that write temporary files on a read-only root. */
const TEMPORARY = '/tmp';
const TEMPORARY_BYTES_MAX = 256 * 1024 ** 2;

/**
 * `secrets_directory`: of the host, given as the container's secrets; null: none. There is no init process (`Init`): images bring the first process that their author tested, and some, such as those with s6-overlay, refuse
 * to be any other. An app that does not handle SIGTERM is killed after its stop timeout, when nobody is served by it any more.
 */
export function createBody(spec: ContainerSpec, network: string, secrets_directory: string | null = null): object {
  return {
    Image: spec.image_id,
    // The whole command line: arguments to an image's own entrypoint would start the app.
    ...(spec.command === null ? {} : { Entrypoint: spec.command, Cmd: [] }),
    ...(spec.user === null ? {} : { User: spec.user }),
    Env: Object.entries(environmentOf(spec)).map(([name, value]) => `${name}=${value}`),
    ExposedPorts: Object.fromEntries(spec.ports.map((port) => [`${port}/tcp`, {}])),
    Labels: labelsOf(spec),
    StopTimeout: Math.ceil(spec.stop_timeout_ms / 1000),
    ...(spec.stop_signal === null ? {} : { StopSignal: spec.stop_signal }),
    HostConfig: {
      NetworkMode: network,
      RestartPolicy: { Name: 'no' },
      SecurityOpt: ['no-new-privileges'],
      CapDrop: ['ALL'],
      CapAdd: spec.capabilities,
      ReadonlyRootfs: spec.read_only_root,
      Mounts: [...mountsOf(spec), ...secretsMount(secrets_directory)],
      ...limitsOf(spec.limits),
      LogConfig: {
        Type: 'json-file',
        Config: { 'max-size': String(spec.log.file_bytes_max), 'max-file': String(spec.log.files) },
      },
    },
    NetworkingConfig: {
      EndpointsConfig: { [network]: spec.address === null ? {} : { IPAMConfig: { IPv4Address: spec.address } } },
    },
  };
}

/** What the daemon itself needs the app to know, which is where it serves, nobody's secret changes. */
function environmentOf({ env, secrets }: ContainerSpec): Record<string, string> {
  if (secrets.inject === 'file') return env;
  const opened = [...secrets.values].map(([name, value]) => [name, value.open()]);
  return { ...env, ...Object.fromEntries(opened), ...('PORT' in env ? { PORT: env.PORT } : {}) };
}

function labelsOf({ app_name, release, slot, operation_id, role }: ContainerSpec): Record<string, string> {
  return {
    [LABELS.app]: app_name,
    [LABELS.release]: release,
    [LABELS.slot]: slot,
    [LABELS.operation]: operation_id,
    [LABELS.role]: role.kind,
    ...roleLabel(role),
  };
}

function roleLabel(role: ContainerRole): Record<string, string> {
  return role.kind === 'replica' ? { [LABELS.replica]: String(role.replica) } : { [LABELS.hook]: role.hook };
}

/** No swap beyond the memory: an app that needs more is killed and says so, instead of slowing the host down. */
function limitsOf({ cpus, memory_bytes }: ContainerSpec['limits']): object {
  return {
    ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
    ...(memory_bytes === undefined ? {} : { Memory: memory_bytes, MemorySwap: memory_bytes }),
  };
}

/** Mounts and not binds: what is not there is an error, and no directory of root's. */
function mountsOf({ volumes, app_name, read_only_root }: ContainerSpec): object[] {
  const isTaken = volumes.some(({ target }) => target.replace(/\/+$/, '') === TEMPORARY);
  const options = { SizeBytes: TEMPORARY_BYTES_MAX, Mode: 0o1777 };
  const temporary = read_only_root && !isTaken ? [{ Type: 'tmpfs', Target: TEMPORARY, TmpfsOptions: options }] : [];
  return [...volumes.map((volume) => mountOf(volume, app_name)), ...temporary];
}

/** Of the host's memory, where only the container's user can read it. */
function secretsMount(source: string | null): object[] {
  return source === null ? [] : [{ Type: 'bind', Source: source, Target: SECRETS_DIRECTORY, ReadOnly: true }];
}

/** A named volume gets its label when Docker makes it, and outlives the app. */
function mountOf(volume: Volume, app_name: string): object {
  const common = { Type: volume.kind, Target: volume.target, ReadOnly: volume.read_only };
  if (volume.kind === 'bind') return { ...common, Source: volume.source };
  return { ...common, Source: volume.name, VolumeOptions: { Labels: { [LABELS.app]: app_name } } };
}

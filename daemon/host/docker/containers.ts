/** The engine's containers in Docker (Engine API, https://docs.docker.com/reference/api/engine/). */
import { z } from 'zod';
import { slotSchema } from '../../contract/names.ts';
import type {
  ContainerSpec,
  Containers,
  ExitState,
  GivenSecrets,
  Inspection,
  ObservedContainer,
  OwnContainer,
} from '../../engine/ports.ts';
import { isMissing } from '../files.ts';
import type { SecretFiles } from '../secret-files.ts';
import { listeningSockets } from '../sockets.ts';
import { brokenOff, type CallOptions, type DockerAction, type DockerClient, DockerError, unbroken } from './client.ts';
import { createBody, LABELS } from './container-body.ts';
import { connectFailure, createFailure, missing, startFailure, unlimited } from './container-failures.ts';
import { userIdOf } from './container-user.ts';
import { readLogs } from './logs.ts';
import { withoutValues } from './redaction.ts';

const labelsSchema = z.object({
  [LABELS.app]: z.string(),
  [LABELS.release]: z.string(),
  [LABELS.slot]: slotSchema,
  [LABELS.operation]: z.string(),
  // Those made before there were others have none.
  [LABELS.role]: z.enum(['replica', 'hook']).default('replica'),
});

const listSchema = z.array(
  z.object({ Id: z.string(), Names: z.array(z.string()), State: z.string(), Labels: z.record(z.string(), z.string()).nullish() }),
);

const inspectSchema = z.object({
  Id: z.string(),
  Name: z.string(),
  RestartCount: z.number().default(0),
  State: z.object({
    Running: z.boolean(),
    ExitCode: z.number(),
    OOMKilled: z.boolean().nullish(),
    Pid: z.number(),
    StartedAt: z.string().default(''),
  }),
  Config: z.object({
    Labels: z.record(z.string(), z.string()).nullish(),
    Env: z.array(z.string()).nullish(),
    StopTimeout: z.number().nullish(),
  }),
  HostConfig: z.object({ Memory: z.number().nullish() }).nullish(),
  NetworkSettings: z.object({ Networks: z.record(z.string(), z.unknown()).nullish() }).nullish(),
});
type Inspected = z.infer<typeof inspectSchema>;

const waitSchema = z.object({ StatusCode: z.number() });

/** Docker's own, for a container that was made without. */
const DOCKER_STOP_SECONDS = 10;
/** Go's zero time. */
const NEVER = '0001-01-01';
/** Docker's own answer comes after the time it was told to wait. */
const STOP_SLACK_MS = 20_000;

/** Called with a container that has stopped and is about to be removed. Must not throw. */
export type BeforeRemoval = (container: ObservedContainer, signal: AbortSignal) => Promise<void>;

export class DockerContainers implements Containers {
  readonly #client: DockerClient;
  readonly #network: string;
  readonly #secretFiles: SecretFiles;
  readonly #beforeRemoval: BeforeRemoval;

  constructor(
    client: DockerClient,
    network: string,
    secretFiles: SecretFiles,
    beforeRemoval: BeforeRemoval = async () => undefined,
  ) {
    this.#client = client;
    this.#network = network;
    this.#secretFiles = secretFiles;
    this.#beforeRemoval = beforeRemoval;
  }

  async list(signal: AbortSignal): Promise<ObservedContainer[]> {
    const options = { all: true, filters: { label: [LABELS.app] } };
    const answer = await this.#client.call((docker) => docker.listContainers(options), { signal });
    return listSchema.parse(answer).flatMap((item) => {
      const observed = observe(item.Id, item.Names[0] ?? '', item.State === 'running', item.Labels);
      return observed ? [observed] : [];
    });
  }

  async inspect(name: string, signal: AbortSignal): Promise<Inspection | null> {
    const found = await this.#inspect(name, signal);
    return found && inspectionOf(found);
  }

  async create(spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    try {
      const joined = await this.#makeOrFind(spec, signal);
      await this.#placeSecrets(spec, signal);
      for (const network of spec.networks) if (!joined.has(network)) await this.#connect(spec.name, network, signal);
    } catch (error) {
      throw error instanceof DockerError ? createFailure(error, spec.name) : error;
    }
  }

  /** Once it is there, since only then it is known as whom it will run; and before it is started. */
  async #placeSecrets({ name, app_name, release, secrets }: ContainerSpec, signal: AbortSignal): Promise<void> {
    if (!hasFiles(secrets)) return;
    const uid = await userIdOf(this.#client, name, signal);
    await this.#secretFiles.place({ container: name, app_name, release, uid }, secrets.values);
  }

  /** Gives the networks that it is in already. */
  async #makeOrFind(spec: ContainerSpec, signal: AbortSignal): Promise<ReadonlySet<string>> {
    try {
      await this.#create(spec, signal);
    } catch (error) {
      if (!(error instanceof DockerError && error.status === 409)) throw error;
      const found = await this.#inspect(spec.name, signal);
      const existing = found && inspectionOf(found);
      if (existing?.app_name !== spec.app_name) throw error;
      if (existing.operation_id === spec.operation_id) return new Set(Object.keys(found?.NetworkSettings?.Networks ?? {}));
      await this.remove(existing, spec.stop_timeout_ms, signal);
      await this.#create(spec, signal);
    }
    return new Set();
  }

  async #create(spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    // Apart, because dockerode otherwise writes everything into the address too, secrets of the environment included.
    const secretsDirectory = hasFiles(spec.secrets) ? await this.#secretFiles.reserve(spec.name) : null;
    const options: object = { _query: { name: spec.name }, _body: createBody(spec, this.#network, secretsDirectory) };
    try {
      await this.#client.call((docker) => docker.createContainer(options), { signal });
    } catch (error) {
      const secrets = [...spec.secrets.values.values()].map((value) => value.open());
      throw withoutValues(error, [...Object.values(spec.env), ...secrets]);
    }
    if (spec.limits.memory_bytes !== undefined) await this.#demandLimit(spec.name, signal);
  }

  /** Where the kernel cannot limit memory, Docker drops the limit with a warning; whoever asked for one relies on it. */
  async #demandLimit(name: string, signal: AbortSignal): Promise<void> {
    const found = await this.#inspect(name, signal);
    if (found === null || found.HostConfig?.Memory !== 0) return;
    await ignoreMissing(
      this.#client.call((docker) => docker.getContainer(found.Id).remove({ force: true, v: true }), { signal }),
    );
    throw unlimited();
  }

  /** Apart from making it: before API 1.44 a container is made in one network only. */
  async #connect(name: string, network: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.call((docker) => docker.getNetwork(network).connect({ Container: name }), { signal });
    } catch (error) {
      throw error instanceof DockerError ? connectFailure(error, network) : error;
    }
  }

  async start(name: string, signal: AbortSignal): Promise<void> {
    await this.#run(name, (docker) => docker.getContainer(name).start(), { signal });
  }

  async restart(name: string, signal: AbortSignal): Promise<void> {
    const seconds = (await this.#inspect(name, signal))?.Config.StopTimeout ?? DOCKER_STOP_SECONDS;
    const deadlineMs = seconds * 1000 + STOP_SLACK_MS;
    await this.#run(name, (docker) => docker.getContainer(name).restart(), { signal, deadlineMs });
  }

  /** What starts a container, with the reason when it does not. */
  async #run(name: string, action: DockerAction, options: CallOptions): Promise<void> {
    try {
      await this.#client.call(action, options);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      const env = (await this.#inspect(name, options.signal))?.Config.Env ?? [];
      const values = env.map((entry) => entry.slice(entry.indexOf('=') + 1));
      throw startFailure(withoutValues(error, values), name);
    }
  }

  async remove({ name, app_name, operation_id }: OwnContainer, stopTimeoutMs: number, signal: AbortSignal): Promise<void> {
    const found = await this.inspect(name, signal);
    // Somebody else has removed it, and knows nothing of its files.
    if (found === null) await this.#secretFiles.remove(name);
    if (found?.app_name !== app_name || (operation_id !== undefined && found.operation_id !== operation_id)) return;
    const seconds = Math.ceil(stopTimeoutMs / 1000);
    const deadlineMs = seconds * 1000 + STOP_SLACK_MS;
    const options = { signal, deadlineMs };
    await ignoreMissing(this.#client.call((docker) => docker.getContainer(found.id).stop({ t: seconds }), options));
    await this.#beforeRemoval(found, signal);
    await ignoreMissing(this.#client.call((docker) => docker.getContainer(found.id).remove({ force: true, v: true }), options));
    await this.#secretFiles.remove(found.name);
  }

  async setRestart(name: string, isKept: boolean, signal: AbortSignal): Promise<void> {
    const body = { RestartPolicy: { Name: isKept ? 'unless-stopped' : 'no' } };
    await ofPresent(
      name,
      this.#client.call((docker) => docker.getContainer(name).update(body), { signal }),
    );
  }

  async waitForExit(name: string, signal: AbortSignal): Promise<ExitState> {
    // As a stream, because it has no deadline.
    const wait: DockerAction = (docker) => docker.getContainer(name).wait({ condition: 'not-running' });
    const response = await ofPresent(name, this.#client.stream(wait, { signal }));
    let text = '';
    for await (const chunk of unbroken(response)) text += chunk.toString('utf8');
    // Docker has said at once that it will answer: it stops.
    if (text.trim() === '') throw brokenOff(undefined);
    const exit_code = waitSchema.parse(JSON.parse(text)).StatusCode;
    const found = await this.#inspect(name, signal);
    return { exit_code, oom_killed: found?.State.OOMKilled === true };
  }

  async logTail(name: string, lines: number, signal: AbortSignal): Promise<string[]> {
    const tail: string[] = [];
    for await (const line of readLogs(this.#client, name, { tail: lines, follow: false, signal })) {
      tail.push(line.log);
      if (tail.length > lines) tail.shift();
    }
    return tail;
  }

  async listening(name: string, signal: AbortSignal): Promise<{ address: string; port: number }[]> {
    const found = await this.#inspect(name, signal);
    if (!found?.State.Running) return [];
    return listeningSockets(found.State.Pid, signal).catch((error: unknown) => {
      // It has ended since, or Docker counts processes in another namespace.
      if (isMissing(error)) return [];
      throw error;
    });
  }

  async #inspect(name: string, signal: AbortSignal): Promise<Inspected | null> {
    try {
      return inspectSchema.parse(await this.#client.call((docker) => docker.getContainer(name).inspect(), { signal }));
    } catch (error) {
      if (error instanceof DockerError && error.status === 404) return null;
      throw error;
    }
  }
}

const hasFiles = ({ inject, values }: GivenSecrets) => inject === 'file' && values.size > 0;

function observe(
  id: string,
  name: string,
  isRunning: boolean,
  labels: Record<string, string> | null | undefined,
): ObservedContainer | null {
  const parsed = labelsSchema.safeParse(labels);
  if (!parsed.success) return null;
  return {
    id,
    name: name.replace(/^\//, ''),
    app_name: parsed.data[LABELS.app],
    release: parsed.data[LABELS.release],
    slot: parsed.data[LABELS.slot],
    operation_id: parsed.data[LABELS.operation],
    role: parsed.data[LABELS.role],
    is_running: isRunning,
  };
}

function inspectionOf({ Id, Name, State, Config, RestartCount }: Inspected): Inspection | null {
  const observed = observe(Id, Name, State.Running, Config.Labels);
  if (observed === null) return null;
  const hasRun = State.StartedAt !== '' && !State.StartedAt.startsWith(NEVER);
  return {
    ...observed,
    exit_code: State.Running || !hasRun ? null : State.ExitCode,
    oom_killed: State.OOMKilled === true,
    restart_count: RestartCount,
    started_at: hasRun ? State.StartedAt : null,
  };
}

/** Of what can be asked of a container that is there alone. */
async function ofPresent<T>(name: string, action: Promise<T>): Promise<T> {
  try {
    return await action;
  } catch (error) {
    throw error instanceof DockerError && error.status === 404 ? missing(error, name) : error;
  }
}

async function ignoreMissing(action: Promise<unknown>): Promise<void> {
  try {
    await action;
  } catch (error) {
    // 404: gone. 409 on removal: somebody else removes it at this moment.
    const isGone =
      error instanceof DockerError && (error.status === 404 || (error.status === 409 && /removal/i.test(error.message)));
    if (!isGone) throw error;
  }
}

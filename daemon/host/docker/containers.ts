/** The engine's containers in Docker (Engine API, https://docs.docker.com/reference/api/engine/). */
import { z } from 'zod';
import { DomainError } from '../../contract/errors.ts';
import { DEFAULTS } from '../../contract/limits.ts';
import { slotSchema } from '../../contract/names.ts';
import type { ContainerSpec, Containers, ExitState, ObservedContainer, OwnContainer } from '../../engine/ports.ts';
import { listeningSockets } from '../sockets.ts';
import { type DockerAction, type DockerClient, DockerError } from './client.ts';
import { readLogs } from './logs.ts';

const LABELS = {
  app: 'nextdeploy.app',
  release: 'nextdeploy.release',
  slot: 'nextdeploy.slot',
  operation: 'nextdeploy.operation',
  replica: 'nextdeploy.replica',
} as const;

const labelsSchema = z.object({
  [LABELS.app]: z.string(),
  [LABELS.release]: z.string(),
  [LABELS.slot]: slotSchema,
  [LABELS.operation]: z.string(),
});

const listSchema = z.array(
  z.object({ Id: z.string(), Names: z.array(z.string()), State: z.string(), Labels: z.record(z.string(), z.string()).nullish() }),
);

const inspectSchema = z.object({
  Id: z.string(),
  Name: z.string(),
  State: z.object({ Running: z.boolean(), ExitCode: z.number(), OOMKilled: z.boolean().nullish(), Pid: z.number() }),
  Config: z.object({ Labels: z.record(z.string(), z.string()).nullish(), Env: z.array(z.string()).nullish() }),
});
type Inspected = z.infer<typeof inspectSchema>;

const waitSchema = z.object({ StatusCode: z.number() });

/** Docker's own answer comes after the time it was told to wait. */
const STOP_SLACK_MS = 20_000;

/** Called with a container that has stopped and is about to be removed. Must not throw. */
type BeforeRemoval = (container: ObservedContainer, signal: AbortSignal) => Promise<void>;

export class DockerContainers implements Containers {
  readonly #client: DockerClient;
  readonly #network: string;
  readonly #beforeRemoval: BeforeRemoval;

  constructor(client: DockerClient, network: string, beforeRemoval: BeforeRemoval = async () => undefined) {
    this.#client = client;
    this.#network = network;
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

  async inspect(name: string, signal: AbortSignal): Promise<(ObservedContainer & ExitState) | null> {
    const found = await this.#inspect(name, signal);
    const observed = found && observe(found.Id, found.Name, found.State.Running, found.Config.Labels);
    return observed ? { ...observed, exit_code: found.State.ExitCode, oom_killed: found.State.OOMKilled === true } : null;
  }

  async create(spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    try {
      await this.#create(spec, signal);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      if (error.status !== 409) throw createFailure(error, spec);
      const existing = await this.inspect(spec.name, signal);
      if (existing?.operation_id === spec.operation_id) return;
      if (existing?.app_name !== spec.app_name) throw createFailure(error, spec);
      await this.remove(existing, spec.stop_timeout_ms, signal);
      await this.#create(spec, signal);
    }
  }

  async #create(spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    // Apart, because dockerode otherwise writes everything into the address too, secrets of the environment included.
    const options: object = { _query: { name: spec.name }, _body: createBody(spec, this.#network) };
    try {
      await this.#client.call((docker) => docker.createContainer(options), { signal });
    } catch (error) {
      throw withoutValues(error, Object.values(spec.env));
    }
  }

  async start(name: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.call((docker) => docker.getContainer(name).start(), { signal });
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      const env = (await this.#inspect(name, signal))?.Config.Env ?? [];
      const values = env.map((entry) => entry.slice(entry.indexOf('=') + 1));
      throw startFailure(withoutValues(error, values), name);
    }
  }

  async remove({ name, app_name, operation_id }: OwnContainer, stopTimeoutMs: number, signal: AbortSignal): Promise<void> {
    const found = await this.inspect(name, signal);
    if (found?.app_name !== app_name || (operation_id !== undefined && found.operation_id !== operation_id)) return;
    const seconds = Math.ceil(stopTimeoutMs / 1000);
    const deadlineMs = seconds * 1000 + STOP_SLACK_MS;
    const options = { signal, deadlineMs };
    await ignoreMissing(this.#client.call((docker) => docker.getContainer(found.id).stop({ t: seconds }), options));
    await this.#beforeRemoval(found, signal);
    await ignoreMissing(this.#client.call((docker) => docker.getContainer(found.id).remove({ force: true, v: true }), options));
  }

  async setRestart(name: string, isKept: boolean, signal: AbortSignal): Promise<void> {
    const body = { RestartPolicy: { Name: isKept ? 'unless-stopped' : 'no' } };
    await this.#client.call((docker) => docker.getContainer(name).update(body), { signal });
  }

  async waitForExit(name: string, signal: AbortSignal): Promise<ExitState> {
    // As a stream, because it has no deadline.
    const wait: DockerAction = (docker) => docker.getContainer(name).wait({ condition: 'not-running' });
    const response = await this.#client.stream(wait, { signal });
    let text = '';
    for await (const chunk of response as AsyncIterable<Buffer>) text += chunk.toString('utf8');
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
    return found?.State.Running ? listeningSockets(found.State.Pid) : [];
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
    is_running: isRunning,
  };
}

function createBody(spec: ContainerSpec, network: string): object {
  return {
    Image: spec.image_id,
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    ExposedPorts: Object.fromEntries(spec.ports.map((port) => [`${port}/tcp`, {}])),
    Labels: {
      [LABELS.app]: spec.app_name,
      [LABELS.release]: spec.release,
      [LABELS.slot]: spec.slot,
      [LABELS.operation]: spec.operation_id,
      [LABELS.replica]: String(spec.replica),
    },
    StopTimeout: Math.ceil(spec.stop_timeout_ms / 1000),
    HostConfig: {
      NetworkMode: network,
      RestartPolicy: { Name: 'no' },
      SecurityOpt: ['no-new-privileges'],
      LogConfig: {
        Type: 'json-file',
        Config: { 'max-size': DEFAULTS.container_log_size, 'max-file': String(DEFAULTS.container_log_files) },
      },
    },
    NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: spec.address } } } },
  };
}

/** Values shorter than this are no secrets, and their letters are in every text. */
const SECRET_CHARACTERS_MIN = 6;

/** Docker quotes the environment in some errors; what it holds is nobody's to read, in an answer or in a log. */
function withoutValues<E>(error: E, values: readonly string[]): E | DockerError {
  if (!(error instanceof DockerError)) return error;
  const secrets = values.filter((value) => value.length >= SECRET_CHARACTERS_MIN);
  const forms = secrets.flatMap((value) => [value, JSON.stringify(value).slice(1, -1)]);
  const longestFirst = forms.toSorted((a, b) => b.length - a.length);
  const message = longestFirst.reduce((text, form) => text.replaceAll(form, '[value]'), error.message);
  return new DockerError(error.status, message);
}

function createFailure(cause: DockerError, spec: ContainerSpec): DomainError {
  if (cause.status === 404 && /no such image/i.test(cause.message)) {
    return new DomainError('unprocessable', 'The image has been removed from this host; load it again and repeat.', { cause });
  }
  if (cause.status === 409) {
    const message = `A container named ${spec.name} that NextDeploy did not make is in the way; rename or remove it.`;
    return new DomainError('conflict', message, { cause });
  }
  return new DomainError('unprocessable', `Docker refused to create the container: ${cause.message}`, { cause });
}

function startFailure(cause: DockerError, name: string): DomainError {
  if (/address already in use/i.test(cause.message)) {
    const message = `The address of ${name} is taken by another container on the app network; see \`docker network inspect nextdeploy\`.`;
    return new DomainError('conflict', message, { cause });
  }
  return new DomainError('unprocessable', `Docker could not start the container: ${cause.message}`, { cause });
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

/** Images: find, check, pull, load from a stream, list, remove. */
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Image, Layer } from '../../contract/domain.ts';
import { DomainError } from '../../contract/errors.ts';
import { parseReference, tagName } from '../../contract/image-names.ts';
import type { Arrival, Images, RegistryCredentials } from '../../engine/ports.ts';
import { redact } from '../../engine/redaction.ts';
import type { ImageWish } from '../../engine/steps.ts';
import { type DockerClient, DockerError, unbroken } from './client.ts';
import {
  describe,
  encodeReference,
  hasDigest,
  hostPlatform,
  type Inspected,
  inspectSchema,
  listSchema,
  platformOf,
} from './image-model.ts';
import { removeImage } from './image-removal.ts';
import { readHostLogin, registryAuth, secretsOf } from './logins.ts';
import {
  checkFailure,
  diskFull,
  firstLine,
  foreignPlatform,
  isRunnable,
  missingLead,
  type Platform,
  type PullAttempt,
  pullFailure,
} from './pull-failures.ts';
import { digestIn, LayerReport, progressSchema } from './pull-progress.ts';

const distributionSchema = z.object({
  Platforms: z.array(z.object({ os: z.string().default(''), architecture: z.string().default('') })).nullish(),
});

/** events.Message of moby. */
const imageEventSchema = z.object({ Actor: z.object({ ID: z.string() }), timeNano: z.number() });

const LINE_CHARACTERS_MAX = 1024 * 1024;
/** A Docker without DNS takes up to 50 s to say so. */
const REGISTRY_DEADLINE_MS = 10_000;
const EVENTS_DEADLINE_MS = 10_000;
/** A password this short is in every text. */
const PASSWORD_CHARACTERS_MIN = 3;

export interface ImagesOptions {
  /** config.json of the docker client whose logins are used when a request has no credentials; null: none are. */
  login_file: string | null;
  /** What this host runs. */
  platform: Platform;
  /** How long the check of an image may wait for its registry. */
  registry_deadline_ms: number;
  /** Milliseconds that never jump. */
  now: () => number;
}

interface Login {
  credentials: RegistryCredentials | null;
  attempt: PullAttempt;
}

export class DockerImages implements Images {
  readonly #client: DockerClient;
  readonly #options: ImagesOptions;
  /** By content id, by {@link ImagesOptions.now}: Docker forgets soon, and the wall clock may jump. */
  readonly #loaded = new Map<string, { arrival: Arrival; at_ms: number }>();

  constructor(client: DockerClient, options: Partial<ImagesOptions> = {}) {
    this.#client = client;
    this.#options = {
      login_file: null,
      platform: hostPlatform(),
      registry_deadline_ms: REGISTRY_DEADLINE_MS,
      now: () => performance.now(),
      ...options,
    };
  }

  async find(reference: string, signal: AbortSignal): Promise<string | null> {
    return (await this.#inspect(reference, signal))?.Id ?? null;
  }

  async check(wish: ImageWish, credentials: RegistryCredentials | null, signal: AbortSignal): Promise<string | null> {
    const { reference, pinned_image_id, pull } = wish;
    const isFetched = pull === 'always' && pinned_image_id === null;
    const here = isFetched ? null : await this.#inspect(pinned_image_id ?? reference, signal);
    if (here !== null) {
      this.#refuseForeign(reference, [platformOf(here)]);
      return here.Id;
    }
    const lead = isFetched ? `The image ${reference} is to be pulled` : await this.#leadOf(wish, signal);
    const login = await this.#login(reference, credentials);
    const platforms = await this.#askRegistry(login, lead, signal);
    if (platforms.length > 0) this.#refuseForeign(reference, platforms);
    return null;
  }

  async pull(
    reference: string,
    { credentials, onProgress }: { credentials: RegistryCredentials | null; onProgress: (layers: Layer[]) => void },
    signal: AbortSignal,
  ): Promise<string> {
    const login = await this.#login(reference, credentials);
    const digest = await this.#pull(login, new LayerReport(onProgress, this.#options.now), signal);
    // By its digest: the tag may point to another image by now.
    const pulled = digest === null ? reference : `${parseReference(reference).repository}@${digest}`;
    const image = await this.#inspect(pulled, signal);
    if (image === null) throw pullFailure(login.attempt, 'it was removed while it was pulled');
    this.#refuseForeign(reference, [platformOf(image)]);
    return image.Id;
  }

  /** Loads what `docker save` wrote, with backpressure. Throws `unprocessable` if it is not such an archive. */
  async load(archive: Readable, signal: AbortSignal): Promise<Image[]> {
    const names: string[] = [];
    try {
      const response = await this.#client.stream((docker) => docker.loadImage(archive, { quiet: true }), { signal });
      for await (const { stream, error } of readProgress(response)) {
        if (error !== undefined) throw loadFailure(error);
        const name = /^Loaded image(?: ID)?: (\S+)/.exec(stream ?? '')?.[1];
        if (name !== undefined) names.push(name);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof DockerError ? loadFailure(error.message) : error;
    }
    if (names.length === 0) throw loadFailure('it holds no image');
    const images = await Promise.all(names.map((name) => this.#inspect(name, signal)));
    const byId = new Map(images.filter((image) => image !== null).map((image) => [image.Id, describe(image)]));
    const at = new Date().toISOString();
    for (const image_id of byId.keys()) this.#loaded.set(image_id, { arrival: { image_id, at }, at_ms: this.#options.now() });
    return [...byId.values()];
  }

  async list(signal: AbortSignal): Promise<Image[]> {
    const answer = listSchema.parse(await this.#client.call((docker) => docker.listImages(), { signal }));
    return answer.map((image) => describe({ ...image, Created: image.Created * 1000 }));
  }

  async listArrivals(withinMs: number, signal: AbortSignal): Promise<Arrival[]> {
    const others = await this.#listOthers(withinMs, signal);
    for (const [id, { at_ms }] of this.#loaded) if (this.#options.now() - at_ms >= withinMs) this.#loaded.delete(id);
    return [...others, ...[...this.#loaded.values()].map(({ arrival }) => arrival)];
  }

  async remove(imageId: string, references: readonly string[], signal: AbortSignal): Promise<boolean> {
    const image = await this.#inspect(imageId, signal);
    if (image === null) return true;
    return removeImage(this.#client, image, references, signal);
  }

  /** What Docker has not forgotten yet: it keeps a few hundred events of all kinds. */
  async #listOthers(withinMs: number, signal: AbortSignal): Promise<Arrival[]> {
    // Docker answers with what it remembers and ends there, as `until` is not to come. Its list of images has no time for this.
    // Not when it was tagged: we do that ourselves, to give a name back.
    const filters = { type: ['image'], event: ['load', 'import'] };
    const until_ms = Date.now();
    const options = { since: (until_ms - withinMs) / 1000, until: until_ms / 1000, filters: JSON.stringify(filters) };
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(EVENTS_DEADLINE_MS)]);
    const answer = await this.#client.stream((docker) => docker.getEvents(options), { signal: deadline });
    const arrivals: Arrival[] = [];
    for await (const { Actor, timeNano } of readLines(answer, imageEventSchema)) {
      arrivals.push({ image_id: Actor.ID, at: new Date(timeNano / 1e6).toISOString() });
    }
    return arrivals;
  }

  /** Resolves with the digest that Docker says it pulled. */
  async #pull({ credentials, attempt }: Login, report: LayerReport, signal: AbortSignal): Promise<string | null> {
    const { host, repository, tag, digest } = parseReference(attempt.reference);
    const options = { fromImage: repository, tag: digest ?? tag };
    let pulled: string | null = null;
    try {
      const authconfig = credentials === null ? {} : registryAuth(credentials, host);
      const response = await this.#client.stream((docker) => docker.createImage(authconfig, options), { signal });
      for await (const line of readProgress(response)) {
        if (line.error !== undefined) throw new DockerError(200, line.error);
        pulled = digestIn(line) ?? pulled;
        report.add(line);
      }
      report.flush();
      return pulled;
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof DockerError ? pullFailure(attempt, withoutSecrets(error.message, credentials)) : error;
    }
  }

  /** The platforms that the registry has the image for; none when it does not say. Throws when it has none at all. */
  async #askRegistry({ credentials, attempt }: Login, lead: string, signal: AbortSignal): Promise<Platform[]> {
    const name = parseReference(attempt.reference);
    const path = encodeReference(name.digest === null ? `${name.repository}:${name.tag}` : `${name.repository}@${name.digest}`);
    const deadline = AbortSignal.timeout(this.#options.registry_deadline_ms);
    try {
      const authconfig = credentials === null ? undefined : registryAuth(credentials, name.host);
      const answer = await this.#client.call((docker) => docker.getImage(path).distribution({ authconfig }), {
        signal: AbortSignal.any([signal, deadline]),
        deadlineMs: 2 * this.#options.registry_deadline_ms,
      });
      const platforms = distributionSchema.parse(answer).Platforms ?? [];
      // `unknown` are attestations.
      return platforms.filter(({ os, architecture }) => os !== 'unknown' && architecture !== '');
    } catch (error) {
      signal.throwIfAborted();
      const isLate = deadline.aborted;
      if (!(isLate || error instanceof DockerError)) throw error;
      const late = `timeout: no answer in ${this.#options.registry_deadline_ms / 1000} s`;
      const detail = error instanceof DockerError ? withoutSecrets(error.message, credentials) : late;
      const failure = checkFailure(attempt, lead, detail);
      if (failure !== null) throw failure;
      return [];
    }
  }

  async #login(reference: string, credentials: RegistryCredentials | null): Promise<Login> {
    if (credentials !== null) return { credentials, attempt: { reference, login: 'request' } };
    const { login_file } = this.#options;
    const stored = login_file === null ? null : await readHostLogin(login_file, parseReference(reference).host);
    return { credentials: stored, attempt: { reference, login: stored === null ? null : 'host' } };
  }

  async #leadOf({ reference, pinned_image_id }: ImageWish, signal: AbortSignal): Promise<string> {
    const name = parseReference(reference);
    const tag = tagName(name);
    const isNamed = pinned_image_id === null && name.digest !== null && tag !== null;
    const isOther = isNamed && (await this.#inspect(tag, signal)) !== null;
    return isOther
      ? `The image ${tag} on this host has another digest than ${name.digest}`
      : missingLead(reference, pinned_image_id);
  }

  #refuseForeign(reference: string, platforms: readonly Platform[]): void {
    const { platform } = this.#options;
    if (!platforms.some((candidate) => isRunnable(candidate, platform))) throw foreignPlatform(reference, platforms, platform);
  }

  /** By name, id, or name and digest; a digest may also be the image's own id, which is all that a loaded image has. */
  async #inspect(reference: string, signal: AbortSignal): Promise<Inspected | null> {
    if (!reference.includes('@')) return this.#look(reference, signal);
    const { repository, digest } = parseReference(reference);
    const named = await this.#look(`${repository}@${digest}`, signal);
    const found = named ?? (digest && (await this.#look(digest, signal)));
    return found && hasDigest(found, reference) ? found : null;
  }

  async #look(reference: string, signal: AbortSignal): Promise<Inspected | null> {
    try {
      const answer = await this.#client.call((docker) => docker.getImage(encodeReference(reference)).inspect(), { signal });
      return inspectSchema.parse(answer);
    } catch (error) {
      if (error instanceof DockerError && error.status === 404) return null;
      throw error;
    }
  }
}

const readProgress = (source: AsyncIterable<Buffer>) => readLines(source, progressSchema);

async function* readLines<T>(source: AsyncIterable<Buffer>, schema: z.ZodType<T>): AsyncGenerator<T> {
  let rest = '';
  for await (const chunk of unbroken(source)) {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_CHARACTERS_MAX) throw new Error('Docker sent a line that is too long');
    for (const line of lines) if (line.trim() !== '') yield schema.parse(JSON.parse(line));
  }
  if (rest.trim() !== '') yield schema.parse(JSON.parse(rest));
}

function withoutSecrets(text: string, credentials: RegistryCredentials | null): string {
  return credentials === null ? text : redact(text, secretsOf(credentials), PASSWORD_CHARACTERS_MIN);
}

function loadFailure(detail: string): DomainError {
  if (/no space left on device/i.test(detail)) {
    const { because, remedy } = diskFull(detail);
    return new DomainError('unprocessable', `Docker could not load the archive: ${because}. ${remedy}`, { cause: detail });
  }
  const message = `Docker could not load the archive: ${firstLine(detail)}. Send what \`docker save\` writes: a tar archive, plain or compressed.`;
  return new DomainError('unprocessable', message, { cause: detail });
}

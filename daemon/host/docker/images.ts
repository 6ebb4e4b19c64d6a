/** Images: find, pull, load from a stream, list. */
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Image } from '../../contract/domain.ts';
import { DomainError } from '../../contract/errors.ts';
import type { Images } from '../../engine/ports.ts';
import { type DockerClient, DockerError } from './client.ts';

const inspectSchema = z.object({
  Id: z.string(),
  RepoTags: z.array(z.string()).nullish(),
  Size: z.number(),
  Created: z.string(),
});
const listSchema = z.array(
  z.object({ Id: z.string(), RepoTags: z.array(z.string()).nullish(), Size: z.number(), Created: z.number() }),
);
/** One line of the progress that pull and load stream. */
const progressSchema = z.object({ stream: z.string().optional(), error: z.string().optional(), status: z.string().optional() });
type Progress = z.infer<typeof progressSchema>;

const PROGRESS_LINE_CHARACTERS_MAX = 1024 * 1024;

export class DockerImages implements Images {
  readonly #client: DockerClient;

  constructor(client: DockerClient) {
    this.#client = client;
  }

  async find(reference: string, signal: AbortSignal): Promise<string | null> {
    return (await this.#inspect(reference, signal))?.id ?? null;
  }

  async pull(reference: string, signal: AbortSignal): Promise<void> {
    try {
      const response = await this.#client.stream((docker) => docker.pull(reference), { signal });
      for await (const progress of readProgress(response)) {
        if (progress.error !== undefined) throw pullFailure(reference, progress.error);
      }
    } catch (error) {
      throw error instanceof DockerError ? pullFailure(reference, error.message) : error;
    }
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
      throw error instanceof DockerError ? loadFailure(error.message) : error;
    }
    if (names.length === 0) throw loadFailure('it holds no image');
    const images = await Promise.all(names.map((name) => this.#inspect(name, signal)));
    const byId = new Map(images.filter((image) => image !== null).map((image) => [image.id, image]));
    return [...byId.values()];
  }

  async list(signal: AbortSignal): Promise<Image[]> {
    const answer = listSchema.parse(await this.#client.call((docker) => docker.listImages(), { signal }));
    return answer.map((image) => ({
      id: image.Id,
      references: (image.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>'),
      size_bytes: image.Size,
      created_at: new Date(image.Created * 1000).toISOString(),
    }));
  }

  async #inspect(reference: string, signal: AbortSignal): Promise<Image | null> {
    try {
      const answer = await this.#client.call((docker) => docker.getImage(encodeReference(reference)).inspect(), { signal });
      const image = inspectSchema.parse(answer);
      const created_at = new Date(image.Created || 0).toISOString();
      return { id: image.Id, references: image.RepoTags ?? [], size_bytes: image.Size, created_at };
    } catch (error) {
      if (error instanceof DockerError && error.status === 404) return null;
      throw error;
    }
  }
}

/** Slashes stand as they are in Docker's paths. */
function encodeReference(reference: string): string {
  return reference.split('/').map(encodeURIComponent).join('/');
}

async function* readProgress(source: AsyncIterable<Buffer>): AsyncGenerator<Progress> {
  let rest = '';
  for await (const chunk of source) {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > PROGRESS_LINE_CHARACTERS_MAX) throw new Error('Docker sent a progress line that is too long');
    for (const line of lines) if (line.trim() !== '') yield progressSchema.parse(JSON.parse(line));
  }
  if (rest.trim() !== '') yield progressSchema.parse(JSON.parse(rest));
}

function pullFailure(reference: string, detail: string): DomainError {
  if (
    /unauthorized|denied|authentication required|forbidden/i.test(detail) ||
    /not found|manifest unknown|no such image/i.test(detail)
  ) {
    const message = `The image ${reference} does not exist on this host, and its registry does not give it out (${firstLine(detail)}). Check the name, or load it with \`nextdeploy images load\`.`;
    return new DomainError('unprocessable', message, { cause: detail });
  }
  const message = `The image ${reference} does not exist on this host, and its registry cannot be reached (${firstLine(detail)}). Load it with \`nextdeploy images load\`.`;
  return new DomainError('unprocessable', message, { cause: detail });
}

function loadFailure(detail: string): DomainError {
  const message = `Docker could not load the archive: ${firstLine(detail)}. Send what \`docker save\` writes: a tar archive, plain or compressed.`;
  return new DomainError('unprocessable', message, { cause: detail });
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 300);
}

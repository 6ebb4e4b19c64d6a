/** Which user of the kernel a container runs as. */
import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { z } from 'zod';
import { DomainError } from '../../contract/errors.ts';
import { type DockerClient, DockerError } from './client.ts';

const inspectSchema = z.object({ Config: z.object({ User: z.string().nullish() }) });
const PASSWD = '/etc/passwd';
const PASSWD_BYTES_MAX = 1024 * 1024;

/** Of a container that was made: its own setting, or its image's. Throws a DomainError for a name that the image does not know. */
export async function userIdOf(client: DockerClient, container: string, signal: AbortSignal): Promise<number> {
  const found = inspectSchema.parse(await client.call((docker) => docker.getContainer(container).inspect(), { signal }));
  const [user = ''] = (found.Config.User ?? '').split(':');
  if (user === '') return 0;
  if (/^\d+$/.test(user)) return Number(user);
  const uid = findUserId(await passwdOf(client, container, signal), user);
  if (uid !== null) return uid;
  const message = `The image knows no user ${user}, so nobody could read the files of its secrets; set \`user\` to a number.`;
  throw new DomainError('unprocessable', message);
}

/** passwd(5): `name:password:uid:…`. Null: not in it. */
export function findUserId(passwd: string, user: string): number | null {
  for (const line of passwd.split('\n')) {
    const [name, , uid = ''] = line.split(':');
    if (name === user && /^\d+$/.test(uid)) return Number(uid);
  }
  return null;
}

async function passwdOf(client: DockerClient, container: string, signal: AbortSignal): Promise<string> {
  try {
    const archive = await client.stream((docker) => docker.getContainer(container).getArchive({ path: PASSWD }), { signal });
    return await firstFile(archive as Readable);
  } catch (error) {
    if (error instanceof DockerError && error.status === 404) return '';
    throw error;
  }
}

/** A link, as some images have, holds nothing. */
async function firstFile(archive: Readable): Promise<string> {
  const entries = extract();
  archive.on('error', (error) => entries.destroy(error)).pipe(entries);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const entry of entries) {
    for await (const chunk of entry) {
      bytes += (chunk as Buffer).length;
      if (bytes <= PASSWD_BYTES_MAX) chunks.push(chunk as Buffer);
    }
  }
  return Buffer.concat(chunks).toString();
}

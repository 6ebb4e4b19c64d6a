/** Files that each server gets before its first start: keys of its own, and settings that depend on its container. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { OPERATOR } from './rootfs-recipe.ts';
import { run } from './run.ts';

/** A file, a symbolic link, or a folder when it has neither `content` nor `target`. Of root unless said otherwise. */
export interface ServerFile {
  path: string;
  mode: number;
  uid?: number;
  gid?: number;
  content?: string | Buffer;
  /** Where a symbolic link leads. */
  target?: string;
}

/** The files as a tar archive whose root is the server's `/`. */
export async function packFiles(files: readonly ServerFile[]): Promise<Buffer> {
  const archive = pack();
  for (const { path, mode, uid = 0, gid = 0, content, target } of files) {
    const header = { name: path.slice(1), mode, uid, gid };
    if (target !== undefined) archive.entry({ ...header, type: 'symlink', linkname: target });
    else if (content === undefined) archive.entry({ ...header, type: 'directory' });
    else archive.entry(header, content);
  }
  archive.finalize();
  return buffer(archive);
}

/** Makes a login key, kept in `runDirectory` (0600), and host keys; `files` places them in the server. */
export async function makeKeys(runDirectory: string, signal?: AbortSignal): Promise<{ privateKey: string; files: ServerFile[] }> {
  const privateKey = join(runDirectory, 'id_ed25519');
  const hostKeys = join(runDirectory, 'host-keys', 'etc', 'ssh');
  await mkdir(hostKeys, { recursive: true, mode: 0o700 });
  await Promise.all([
    run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'nextdeploy-bed', '-f', privateKey], { signal }),
    run('ssh-keygen', ['-A', '-f', join(runDirectory, 'host-keys')], { signal }),
  ]);
  const files: ServerFile[] = [];
  const publicKey = await readFile(`${privateKey}.pub`);
  for (const { home, uid, gid } of [OPERATOR, { home: '/root', uid: 0, gid: 0 }]) {
    files.push({ path: `${home}/.ssh`, mode: 0o700, uid, gid });
    files.push({ path: `${home}/.ssh/authorized_keys`, mode: 0o600, uid, gid, content: publicKey });
  }
  for (const kind of ['rsa', 'ecdsa', 'ed25519']) {
    const name = `ssh_host_${kind}_key`;
    files.push({ path: `/etc/ssh/${name}`, mode: 0o600, content: await readFile(join(hostKeys, name)) });
    files.push({ path: `/etc/ssh/${name}.pub`, mode: 0o644, content: await readFile(join(hostKeys, `${name}.pub`)) });
  }
  return { privateKey, files };
}

/** The known_hosts file on this machine. OpenSSH may use the same file at the same time. */
import { chmod, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatEntry, type HostKey, type HostName } from './known-hosts.ts';

/** Far beyond any real file; a bound so that a wrong path cannot exhaust the memory. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

export class KnownHostsFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The whole text; empty where the file does not exist yet. Throws if it cannot be read: then no host may count as unknown. */
  async read(): Promise<string> {
    let file: Awaited<ReturnType<typeof open>>;
    try {
      file = await open(this.path, 'r');
    } catch (error) {
      if (isMissing(error)) return '';
      throw new Error(`The known hosts file ${this.path} cannot be read; check its permissions.`, { cause: error });
    }
    try {
      const { size } = await file.stat();
      if (size > FILE_BYTES_MAX) throw new Error(`The known hosts file ${this.path} is too large; is it the right file?`);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  }

  /**
   * Records a key at the end of the file. One appending write, as ssh itself does it: lines that others add meanwhile are kept, nothing
   * that was there is rewritten, and a line cut off by a crash is passed over when read.
   */
  async append(host: HostName, key: HostKey): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const isNew = await isAbsent(this.path);
    const startsOnNewLine = isNew || (await endsWithNewline(this.path));
    const file = await open(this.path, 'a', 0o600);
    try {
      await file.write(`${startsOnNewLine ? '' : '\n'}${formatEntry(host, key)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    if (isNew) await chmod(this.path, 0o600);
  }
}

async function isAbsent(path: string): Promise<boolean> {
  try {
    await (await open(path, 'r')).close();
    return false;
  } catch (error) {
    if (isMissing(error)) return true;
    throw error;
  }
}

async function endsWithNewline(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8');
  return text === '' || text.endsWith('\n');
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

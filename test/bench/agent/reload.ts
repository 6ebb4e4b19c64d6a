/** The usual ways to lead a proxy elsewhere. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Reload } from './protocol.ts';

const execute = promisify(execFile);

/** Resolves when the proxy has taken the change; nginx's new workers may begin a moment later. Rejects when it is refused. */
export async function reload(change: Reload, signal: AbortSignal): Promise<void> {
  if (change.proxy === 'nginx') {
    await writeFile(change.file, change.text);
    await execute('nginx', ['-c', change.main, '-s', 'reload'], { signal });
    return;
  }
  const response = await fetch(change.admin, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ dial: change.upstream }]),
    signal,
  });
  if (!response.ok) throw new Error(`Caddy refused the new upstream: ${response.status} ${await response.text()}`);
}

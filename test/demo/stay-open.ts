/** The demo for a person: the console open on the demo's server until Ctrl-C. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { startWebShell } from '../../main/web/shell.ts';
import { buildDesktop, buildRenderer } from '../../scripts/build.ts';
import { findElectron } from '../../scripts/electron-runtime.ts';
import { consoleHome, type Demo } from './bring-up.ts';
import type { Phases } from './phases.ts';
import { DOMAIN } from './site.ts';

interface OpenContext {
  phases: Phases;
  signal: AbortSignal;
}

type Say = (detail: string) => void;

/** Opens Electron where its runtime is there, else says the web shell's address. Resolves at Ctrl-C, or when the window is closed. */
export async function openForPerson(demo: Demo, context: OpenContext): Promise<void> {
  const electron = await findElectron();
  const opened = await context.phases.run('f', 'console', (say) =>
    electron === null ? openWebShell(demo, context, say) : openElectron(demo, electron, context, say),
  );
  console.log(`
  ${opened.where}
  The app      http://${DOMAIN}:${new URL(demo.bed.http).port}/
  The server   ssh -p ${demo.bed.ssh.port} -i ${demo.bed.ssh.key} ${demo.bed.ssh.user}@${demo.bed.ssh.host}
  To swap      press Swap, choose ${demo.images.v2}

  Ctrl-C ends the demo and removes everything.
`);
  await opened.ended;
}

async function openWebShell(demo: Demo, { phases, signal }: OpenContext, say: Say) {
  const shell = await startWebShell({ core: demo.core, rendererDirectory: await buildRenderer(() => undefined, signal) });
  phases.onEnd('web shell', () => shell.close());
  say('Electron’s runtime is not on this machine: in the browser instead');
  return { where: `The console  ${shell.url}`, ended: untilAborted(signal) };
}

/** With the demo's own files, so that the operator's hosts and known_hosts are not touched. */
async function openElectron(demo: Demo, executable: string, { phases, signal }: OpenContext, say: Say) {
  await buildDesktop(() => undefined, signal);
  const root = join(import.meta.dirname, '..', '..');
  const env = { ...process.env, HOME: consoleHome(demo.directory), XDG_CONFIG_HOME: undefined };
  const child = spawn(executable, [root], { stdio: 'inherit', env });
  const closed = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
  phases.onEnd('console window', async () => {
    child.kill();
    await closed;
  });
  say('Electron');
  return { where: 'The console  in its window', ended: Promise.race([closed, untilAborted(signal)]) };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

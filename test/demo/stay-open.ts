/** The demo for a person: the console open on the demo's server until Ctrl-C. */
import { consolePaths } from '../../main/web/paths.ts';
import { startWebShell } from '../../main/web/shell.ts';
import { buildRenderer } from '../../scripts/build.ts';
import { findElectron } from '../../scripts/electron-runtime.ts';
import { startElectron } from '../../scripts/electron-start.ts';
import { consoleHome, type Demo } from './bring-up.ts';
import { openFrontDoor } from './front-door.ts';
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
  const door = await openFrontDoor(demo.bed.http);
  context.phases.onEnd('port 80', async () => door?.close());
  console.log(`
  ${opened.where}
  The app      http://${DOMAIN}${door === null ? `:${new URL(demo.bed.http).port}` : ''}/
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
  const close = new AbortController();
  const paths = consolePaths(process.platform, {}, consoleHome(demo.directory));
  const { ended } = await startElectron(executable, { paths, log: () => undefined, signal: close.signal });
  phases.onEnd('console window', async () => {
    close.abort();
    await ended;
  });
  say('Electron');
  return { where: 'The console  in its window', ended: Promise.race([ended, untilAborted(signal)]) };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

/** Puts kill.mjs under the server's daemon and tells it where to kill; the daemon itself knows nothing of it. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expectSuccess } from '../bench/server-tools.ts';
import { inRunDirectory, restartDaemon, type Stage } from './stage.ts';

export interface KillOrder {
  app: string;
  /** From 1, the operation's own begin. */
  write: number;
  phase: 'before' | 'after';
  /** And once more, at the first write after the restart. */
  again?: boolean;
}

const PRELOAD = '/opt/nextdeploy-chaos/kill.mjs';
const DROP_IN = '/etc/systemd/system/nextdeployd.service.d/chaos.conf';
/** Kills follow each other faster than systemd's limit for crash loops allows. */
const UNIT = `[Unit]\nStartLimitIntervalSec=0\n[Service]\nEnvironment=NODE_OPTIONS=--import=${PRELOAD}\n`;

type Server = Pick<Stage, 'bed' | 'client'>;

/** Restarts the daemon twice: with the preload now, without it at `remove`. */
export async function installKiller(server: Server): Promise<{ remove(): Promise<void> }> {
  const { bed } = server;
  const files = inRunDirectory(bed, 'chaos');
  await mkdir(files, { recursive: true });
  await expectSuccess(bed, ['mkdir', '-p', '/opt/nextdeploy-chaos', '/etc/systemd/system/nextdeployd.service.d']);
  await bed.copyIn(join(import.meta.dirname, 'kill.mjs'), PRELOAD);
  await expectSuccess(bed, ['tee', DROP_IN], { input: UNIT });
  await restartDaemon(server);
  return {
    remove: async () => {
      await expectSuccess(bed, ['rm', '-rf', DROP_IN, '/opt/nextdeploy-chaos']);
      await rm(files, { recursive: true, force: true });
      await restartDaemon(server);
    },
  };
}

/** The next operation that begins on the app is killed there. */
export async function arm({ bed }: Pick<Stage, 'bed'>, order: KillOrder): Promise<void> {
  await rm(inRunDirectory(bed, 'chaos/killed'), { force: true });
  await writeFile(inRunDirectory(bed, 'chaos/writes'), '');
  await writeFile(inRunDirectory(bed, 'chaos/arm'), JSON.stringify(order));
}

/** Whether the order has been carried out. */
export function hasKilled({ bed }: Pick<Stage, 'bed'>): boolean {
  return existsSync(inRunDirectory(bed, 'chaos/killed'));
}

/** Runs an operation to its end and says what each of its writes was, in order. */
export async function recordWrites(server: Server, app: string, operate: () => Promise<unknown>): Promise<string[]> {
  await arm(server, { app, write: 0, phase: 'before' });
  await operate();
  const text = await readFile(inRunDirectory(server.bed, 'chaos/writes'), 'utf8');
  return text.split('\n').filter((line) => line !== '');
}

/** The program itself, started for a test, without Docker and proxy. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const DAEMON_TOKEN = 't'.repeat(32);

/** Runs nextdeployd with these arguments. */
export function startProgram(...args: string[]) {
  return startNode([join(import.meta.dirname, 'main.ts'), ...args]);
}

function startNode(args: readonly string[]) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
  return { child, ended, output: () => output };
}

/**
 * The configuration of a daemon that finds neither Docker nor a proxy. `place`: from 0 to 4, of those that run at once; its port is none that the
 * kernel gives to others by itself.
 */
export function writeConfig(directory: string, place: number): { file: string; socket: string } {
  const [file, socket] = [join(directory, 'config.yml'), join(directory, 'd.sock')];
  const lines = [
    `auth: { token: ${DAEMON_TOKEN} }`,
    `listen: { socket: ${socket}, port: ${11_000 + 4_000 * place + (process.pid % 4_000)} }`,
    `state_directory: ${directory}/state`,
    `secrets: { master_key_file: ${directory}/master.key, files_directory: ${directory}/secrets }`,
    `docker: { socket: ${directory}/none.sock }`,
    `proxy: { caddy: { caddyfile: ${directory}/Caddyfile, admin: "127.0.0.1:1" } }`,
  ];
  writeFileSync(file, lines.join('\n'));
  return { file, socket };
}

/** Starts it and waits until it serves. `flags`: of Node. */
export async function startServing(file: string, flags: readonly string[] = []): Promise<ReturnType<typeof startProgram>> {
  const daemon = startNode([...flags, join(import.meta.dirname, 'main.ts'), '--config', file]);
  await new Promise<void>((resolve, reject) => {
    daemon.child.stdout.on('data', () => {
      if (daemon.output().includes('"ready"')) resolve();
    });
    void daemon.ended.then(({ output }) => reject(new Error(output)));
  });
  return daemon;
}

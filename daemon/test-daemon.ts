/** The program itself, started for a test, without Docker and proxy. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const DAEMON_TOKEN = 't'.repeat(32);

/** Runs nextdeployd with these arguments. */
export function startProgram(...args: string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
  return { child, ended, output: () => output };
}

/** The configuration of a daemon that finds neither Docker nor a proxy. `port_base`: one of ten thousand ports from there on is used. */
export function writeConfig(directory: string, port_base: number): { file: string; socket: string } {
  const [file, socket] = [join(directory, 'config.yml'), join(directory, 'd.sock')];
  const lines = [
    `auth: { token: ${DAEMON_TOKEN} }`,
    `listen: { socket: ${socket}, port: ${port_base + (process.pid % 10_000)} }`,
    `state_directory: ${directory}/state`,
    `docker: { socket: ${directory}/none.sock }`,
    `proxy: { caddy: { caddyfile: ${directory}/Caddyfile, admin: "127.0.0.1:1" } }`,
  ];
  writeFileSync(file, lines.join('\n'));
  return { file, socket };
}

/** Starts it and waits until it serves. */
export async function startServing(file: string): Promise<ReturnType<typeof startProgram>> {
  const daemon = startProgram('--config', file);
  await new Promise<void>((resolve, reject) => {
    daemon.child.stdout.on('data', () => {
      if (daemon.output().includes('"ready"')) resolve();
    });
    void daemon.ended.then(({ output }) => reject(new Error(output)));
  });
  return daemon;
}

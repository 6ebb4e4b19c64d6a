/** The program as systemd and the installer run it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };

const MAIN = join(import.meta.dirname, 'main.ts');
let directory: string;
/** Of none that the kernel gives to others by itself. */
const portOf = (test: number) => 11_000 + 7_000 * test + (process.pid % 7_000);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-main-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function start(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
  return { child, ended, output: () => output };
}

describe('nextdeployd', () => {
  it('tells its version, and proves that all of it loads', async () => {
    expect(await start('--version').ended).toEqual({ code: 0, output: `${packageJson.version}\n` });
    expect(await start('--self-test').ended).toMatchObject({ code: 0, output: expect.stringContaining('ok\n') });
    expect(await start('--no-such-flag').ended).toMatchObject({ code: 64 });
  });

  it('ends with EX_CONFIG, which the unit does not restart after, naming file and field', async () => {
    const file = join(directory, 'config.yml');
    writeFileSync(file, 'auth: { token: short }');
    const { code, output } = await start('--config', file).ended;
    expect(code).toBe(78);
    expect(output).toContain(`${file}: auth.token`);
    expect((await start('--config', join(directory, 'none.yml')).ended).code).toBe(78);
  });

  it('ends with EX_CONFIG when its master key is another, and changes nothing', async () => {
    const file = join(directory, 'config.yml');
    const key = join(directory, 'master.key');
    const listen = `listen: { socket: ${directory}/d.sock, port: ${portOf(0)} }`;
    const state = `state_directory: ${directory}/state\nsecrets: { master_key_file: ${key} }`;
    writeFileSync(
      file,
      [`auth: { token: ${'t'.repeat(32)} }`, listen, state, `docker: { socket: ${directory}/no.sock }`].join('\n'),
    );
    const first = start('--config', file);
    await vi.waitFor(() => expect(first.output()).toContain('"ready"'), 10_000);
    first.child.kill('SIGTERM');
    await first.ended;
    rmSync(key);
    const { code, output } = await start('--config', file).ended;
    expect(code).toBe(78);
    expect(output).toMatch(/The master key .*master\.key is missing.*Put it back from your copy/);
    expect(existsSync(key)).toBe(false);
  });

  it('waits for a disk that it cannot write to, instead of calling its database broken', async () => {
    const file = join(directory, 'config.yml');
    const listen = `listen: { socket: ${directory}/d.sock, port: ${portOf(1)} }`;
    const docker = `docker: { socket: ${directory}/none.sock }`;
    const state = `state_directory: ${directory}/state\nsecrets: { master_key_file: ${directory}/master.key }`;
    writeFileSync(file, [`auth: { token: ${'t'.repeat(32)} }`, listen, state, docker].join('\n'));
    // SQLite cannot open its log, as on a full disk.
    const log = join(directory, 'state', 'nextdeploy.db-wal');
    mkdirSync(log, { recursive: true });
    const daemon = start('--config', file);
    await vi.waitFor(() => expect(daemon.output()).toContain('nothing is wrong with the data'), 10_000);
    expect(daemon.output()).not.toContain('move it away');
    rmSync(log, { recursive: true });
    await vi.waitFor(() => expect(daemon.output()).toContain('"ready"'), 10_000);
    daemon.child.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(0);
  });

  it('serves without Docker and Caddy, says so in its health, and stops quickly on SIGTERM', async () => {
    const socket = join(directory, 'd.sock');
    const file = join(directory, 'config.yml');
    const docker = `docker: { socket: ${directory}/none.sock }`;
    const caddy = `proxy: { caddy: { caddyfile: ${directory}/Caddyfile, admin: "127.0.0.1:1" } }`;
    const listen = `listen: { socket: ${socket}, port: ${portOf(2)} }`;
    const state = `state_directory: ${directory}/state\nsecrets: { master_key_file: ${directory}/master.key }`;
    writeFileSync(file, [`auth: { token: ${'t'.repeat(32)} }`, listen, state, docker, caddy].join('\n'));
    const daemon = start('--config', file);
    await new Promise<void>((resolve, reject) => {
      daemon.child.stdout.on('data', () => {
        if (daemon.output().includes('"ready"')) resolve();
      });
      void daemon.ended.then(({ output }) => reject(new Error(output)));
    });
    const health = await new Promise<string>((resolve, reject) => {
      const outgoing = request({ socketPath: socket, path: '/health', headers: { host: 'nextdeploy' } }, async (response) => {
        let body = '';
        for await (const chunk of response) body += String(chunk);
        resolve(body);
      });
      outgoing.on('error', reject).end();
    });
    expect(JSON.parse(health)).toMatchObject({
      status: 'degraded',
      checks: [
        { name: 'database', ok: true },
        { name: 'docker', ok: false },
        { name: 'proxy', ok: false },
      ],
    });
    const started = performance.now();
    daemon.child.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(0);
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(daemon.output()).not.toContain('t'.repeat(32));
  });
});

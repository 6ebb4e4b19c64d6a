/** The program as systemd and the installer run it. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { DAEMON_TOKEN, startProgram, startServing, writeConfig } from './test-daemon.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-main-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('nextdeployd', () => {
  it('tells its version, and proves that all of it loads', async () => {
    expect(await startProgram('--version').ended).toEqual({ code: 0, output: `${packageJson.version}\n` });
    expect(await startProgram('--self-test').ended).toMatchObject({ code: 0, output: expect.stringContaining('ok\n') });
    expect(await startProgram('--no-such-flag').ended).toMatchObject({ code: 64 });
  });

  it('ends with EX_CONFIG, which the unit does not restart after, naming file and field', async () => {
    const file = join(directory, 'config.yml');
    writeFileSync(file, 'auth: { token: short }');
    const { code, output } = await startProgram('--config', file).ended;
    expect(code).toBe(78);
    expect(output).toContain(`${file}: auth.token`);
    expect((await startProgram('--config', join(directory, 'none.yml')).ended).code).toBe(78);
  });

  it('ends with EX_CONFIG when its master key is another, and changes nothing', async () => {
    const { file } = writeConfig(directory, 0);
    const key = join(directory, 'master.key');
    const first = await startServing(file);
    first.child.kill('SIGTERM');
    await first.ended;
    rmSync(key);
    const { code, output } = await startProgram('--config', file).ended;
    expect(code).toBe(78);
    expect(output).toMatch(/The master key .*master\.key is missing.*Put it back from your copy/);
    expect(existsSync(key)).toBe(false);
  });

  it('waits for a disk that it cannot write to, instead of calling its database broken', async () => {
    const { file } = writeConfig(directory, 1);
    // SQLite cannot open its log, as on a full disk.
    const log = join(directory, 'state', 'nextdeploy.db-wal');
    mkdirSync(log, { recursive: true });
    const daemon = startProgram('--config', file);
    await vi.waitFor(() => expect(daemon.output()).toContain('nothing is wrong with the data'), 10_000);
    expect(daemon.output()).not.toContain('move it away');
    rmSync(log, { recursive: true });
    await vi.waitFor(() => expect(daemon.output()).toContain('"ready"'), 10_000);
    daemon.child.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(0);
  });

  it('serves without Docker and Caddy, says so in its health, and stops quickly on SIGTERM', async () => {
    const { file, socket } = writeConfig(directory, 2);
    const daemon = await startServing(file);
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
    expect(daemon.output()).not.toContain(DAEMON_TOKEN);
  });
});

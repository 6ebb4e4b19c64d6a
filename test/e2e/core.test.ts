/** The core against a real sshd: keys known and unknown, credentials, terminals, and what happens when the server goes away. */
import { spawn, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Sealed } from '../../daemon/secrets/sealed.ts';
import type { HostAuth } from '../../preload/contract.ts';
import { type Bed, startBed } from '../bed/bed.ts';
import { connectToBed } from '../bed/install-daemon.ts';
import { cutConnections, inServer, openChannel, startCore, type TestCore } from './core-harness.ts';

let bed: Bed;
let test: TestCore;

beforeAll(async () => {
  bed = await startBed({ label: 'core' });
});
afterAll(() => bed.stop());
beforeEach(async () => {
  test = await startCore();
});
afterEach(() => test.close());

async function addHost(
  auth: HostAuth = { kind: 'key', path: bed.ssh.key },
  changes: { address?: string; port?: number } = {},
): Promise<string> {
  const { host: address, port, user } = bed.ssh;
  return (await test.core.hosts.add({ name: 'bed', address, port, user, auth, ...changes })).id;
}

/** The server's own host key as a known_hosts line for the address the console uses. */
async function knownHostsLine(marker = ''): Promise<string> {
  const key = await inServer(bed, 'cat', '/etc/ssh/ssh_host_ed25519_key.pub');
  return `${marker}[127.0.0.1]:${bed.ssh.port} ${key}\n`;
}

function generateKey(path: string, passphrase = ''): void {
  expect(spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-f', path]).status).toBe(0);
}

describe('the host key', () => {
  it('is shown with the fingerprint that the server itself prints, recorded on trust, and verified from then on', async () => {
    const host = await addHost();
    const first = await test.core.hosts.connect(host);
    const printed = await inServer(bed, 'ssh-keygen', '-lf', '/etc/ssh/ssh_host_ed25519_key.pub');
    expect(first.connection).toEqual({
      kind: 'key_unknown',
      offered: { key_type: 'ssh-ed25519', sha256: printed.split(' ')[1] },
    });

    await expect(test.core.hosts.trust(host, 'SHA256:another')).rejects.toThrow('another key');
    expect((await test.core.hosts.trust(host, printed.split(' ')[1] ?? '')).connection.kind).toBe('connected');
    expect(await readFile(test.knownHosts, 'utf8')).toContain(`[127.0.0.1]:${bed.ssh.port} ssh-ed25519 `);

    test.core.hosts.disconnect(host);
    expect((await test.core.hosts.connect(host)).connection.kind).toBe('connected');
  });

  it('stops everything when it has changed, showing both fingerprints and what to do, before any credential is sent', async () => {
    generateKey(join(test.directory, 'other'));
    const other = (await readFile(join(test.directory, 'other.pub'), 'utf8')).trim();
    await writeFile(test.knownHosts, `[127.0.0.1]:${bed.ssh.port} ${other}\n`);
    const { connection } = await test.core.hosts.connect(await addHost());
    const recorded = spawnSync('ssh-keygen', ['-lf', join(test.directory, 'other.pub')], { encoding: 'utf8' }).stdout.split(
      ' ',
    )[1];
    expect(connection).toMatchObject({
      kind: 'key_changed',
      known: [{ sha256: recorded }],
      remedy: expect.stringContaining('ssh-keygen'),
    });
    expect(connection.kind === 'key_changed' && connection.offered.sha256).not.toBe(recorded);
    const log = await inServer(bed, 'journalctl', '-u', 'ssh', '-n', '3', '--no-pager', '-o', 'cat');
    expect(log.split('\n').at(-1)).not.toMatch(/Accepted|Failed/);
  });

  it('refuses a revoked key', async () => {
    await writeFile(test.knownHosts, (await knownHostsLine()) + (await knownHostsLine('@revoked ')));
    expect((await test.core.hosts.connect(await addHost())).connection).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('revoked'),
    });
  });

  it('asks for the type of key that is recorded, though the server prefers another', async () => {
    const key = await inServer(bed, 'cat', '/etc/ssh/ssh_host_rsa_key.pub');
    await writeFile(test.knownHosts, `[127.0.0.1]:${bed.ssh.port} ${key}\n`);
    expect((await test.core.hosts.connect(await addHost())).connection.kind).toBe('connected');
  });
});

describe('credentials', () => {
  beforeEach(async () => writeFile(test.knownHosts, await knownHostsLine()));

  it('that the server refuses lead to a message saying whom it refused and what to do', async () => {
    const path = join(test.directory, 'stranger');
    generateKey(path);
    const { connection } = await test.core.hosts.connect(await addHost({ kind: 'key', path }));
    expect(connection).toEqual({
      kind: 'failed',
      message: expect.stringMatching(/refused the key for operator.*authorized_keys/),
    });
  });

  it('of an encrypted key ask for its passphrase until it is right', async () => {
    const path = join(test.directory, 'locked');
    generateKey(path, 'open sesame');
    await inServer(
      bed,
      'sh',
      '-c',
      'printf "%s\\n" "$1" >> /home/operator/.ssh/authorized_keys',
      'sh',
      await readFile(`${path}.pub`, 'utf8'),
    );
    const host = await addHost({ kind: 'key', path });
    expect((await test.core.hosts.connect(host)).connection).toMatchObject({ kind: 'credentials_needed', what: 'passphrase' });
    const wrong = await test.core.hosts.connect(host, { passphrase: new Sealed('close sesame') });
    expect(wrong.connection).toMatchObject({
      kind: 'credentials_needed',
      message: expect.stringContaining('not the passphrase'),
    });
    expect((await test.core.hosts.connect(host, { passphrase: new Sealed('open sesame') })).connection.kind).toBe('connected');
    // Kept for this session: an operator is asked once.
    test.core.hosts.disconnect(host);
    expect((await test.core.hosts.connect(host)).connection.kind).toBe('connected');
  });

  it('by password are asked for after the host key, and again when they are wrong', async () => {
    await bed.exec(['chpasswd'], { input: 'operator:correct horse\n' });
    const host = await addHost({ kind: 'password' });
    expect((await test.core.hosts.connect(host)).connection).toMatchObject({ kind: 'credentials_needed', what: 'password' });
    const wrong = await test.core.hosts.connect(host, { password: new Sealed('wrong') });
    expect(wrong.connection).toMatchObject({
      kind: 'credentials_needed',
      message: expect.stringContaining('refused the password'),
    });
    expect((await test.core.hosts.connect(host, { password: new Sealed('correct horse') })).connection.kind).toBe('connected');
  });

  it('come from an agent', async () => {
    const socket = join(test.directory, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    vi.stubEnv('SSH_AUTH_SOCK', socket);
    try {
      await vi.waitFor(() => expect(spawnSync('ssh-add', ['-q', bed.ssh.key]).status).toBe(0), { timeout: 10_000 });
      expect((await test.core.hosts.connect(await addHost({ kind: 'agent' }))).connection.kind).toBe('connected');
    } finally {
      vi.unstubAllEnvs();
      agent.kill();
    }
  });

  it.each([
    ['a key file that is not there', { kind: 'key', path: '/nowhere/key' }, /does not exist/],
    ['a public key', { kind: 'key', path: '' }, /public key/],
  ] as const)('that cannot be used say so: %s', async (_name, auth, message) => {
    const path = auth.path === '' ? `${bed.ssh.key}.pub` : auth.path;
    if (auth.path === '') await writeFile(path, spawnSync('ssh-keygen', ['-y', '-f', bed.ssh.key]).stdout);
    expect((await test.core.hosts.connect(await addHost({ kind: 'key', path }))).connection).toEqual({
      kind: 'failed',
      message: expect.stringMatching(message),
    });
  });
});

describe('a server that cannot be reached', () => {
  it.each([
    ['a port where nobody listens', { port: 1 }, /refused the connection/],
    ['a name that does not exist', { address: 'no-such-host.invalid' }, /DNS|looked up/],
  ])('is explained: %s', async (_name, changes, message) => {
    const { connection } = await test.core.hosts.connect(await addHost(undefined, changes));
    expect(connection).toEqual({ kind: 'failed', message: expect.stringMatching(message) });
  });

  it('is tried again with back-off once it was connected, and comes back', async () => {
    const host = await connectToBed(test.core, bed);
    await inServer(bed, 'systemctl', 'stop', 'ssh');
    try {
      await cutConnections(bed);
      const state = () => test.core.hosts.get(host).connection;
      await vi.waitFor(() => expect(state()).toMatchObject({ kind: 'reconnecting', attempt: 3 }), {
        timeout: 20_000,
        interval: 20,
      });
      const reconnecting = state();
      expect(reconnecting).toMatchObject({ message: expect.stringMatching(/refused|cut/) });
      expect(reconnecting.kind === 'reconnecting' && Date.parse(reconnecting.next_at)).toBeGreaterThan(Date.now() - 1000);
    } finally {
      await inServer(bed, 'systemctl', 'start', 'ssh');
    }
    await vi.waitFor(() => expect(test.core.hosts.get(host).connection.kind).toBe('connected'), {
      timeout: 40_000,
      interval: 50,
    });
  });
});

describe('a terminal', () => {
  const text = (messages: { kind: string; data?: string }[]) =>
    Buffer.concat(messages.map(({ data }) => Buffer.from(data ?? '', 'base64'))).toString('utf8');
  const type = (line: string) => ({ kind: 'input' as const, data: Buffer.from(`${line}\n`).toString('base64') });

  it('runs a login shell that takes input, follows the window, and says how it ended', async () => {
    const host = await connectToBed(test.core, bed);
    const terminal = openChannel(test.core, 'terminal', { host, cols: 80, rows: 24 });
    terminal.send(type('uname -a; stty size'));
    await vi.waitFor(() => expect(text(terminal.messages)).toMatch(/Linux .*\r\n24 80\r\n/), { timeout: 15_000 });
    terminal.send({ kind: 'resize', cols: 132, rows: 50 });
    terminal.send(type('stty size; exit 3'));
    await vi.waitFor(() => expect(terminal.end).toBeNull(), { timeout: 15_000 });
    expect(text(terminal.messages)).toContain('50 132');
    expect(terminal.messages.at(-1)).toEqual({ kind: 'exit', code: 3, signal: null });
  });

  it('holds a flood back until it is acknowledged, and loses none of it', async () => {
    const host = await connectToBed(test.core, bed);
    const terminal = openChannel(test.core, 'terminal', { host, cols: 80, rows: 24 });
    terminal.send(type('stty -echo -opost; head -c 8000000 /dev/zero | tr "\\0" x; echo END; exit'));
    const received = () =>
      terminal.messages.reduce(
        (sum, { kind, ...rest }) => sum + (kind === 'output' && 'data' in rest ? Buffer.byteLength(rest.data, 'base64') : 0),
        0,
      );
    let before = -1;
    // It comes to rest far below what was sent.
    await vi.waitFor(
      () => {
        const now = received();
        const isAtRest = now === before && now > 200_000;
        before = now;
        expect(isAtRest).toBe(true);
      },
      { timeout: 15_000, interval: 300 },
    );
    expect(before).toBeLessThan(2_000_000);
    let acknowledged = 0;
    await vi.waitFor(
      () => {
        const total = received();
        if (total > acknowledged) terminal.send({ kind: 'ack', bytes: total - acknowledged });
        acknowledged = total;
        expect(terminal.end).toBeNull();
      },
      { timeout: 60_000, interval: 1 },
    );
    const all = text(terminal.messages);
    const start = all.indexOf('xxxxx');
    expect(all.indexOf('END', start) - start).toBe(8_000_000);
  });

  it('ends with a message when the connection is lost', async () => {
    const host = await connectToBed(test.core, bed);
    const terminal = openChannel(test.core, 'terminal', { host, cols: 80, rows: 24 });
    await vi.waitFor(() => expect(terminal.messages.length).toBeGreaterThan(0), { timeout: 15_000 });
    await cutConnections(bed);
    await vi.waitFor(() => expect(terminal.end).toMatchObject({ code: 'host_unavailable' }), { timeout: 15_000 });
  });

  it('needs a connected host', async () => {
    const terminal = openChannel(test.core, 'terminal', { host: await addHost(), cols: 80, rows: 24 });
    await vi.waitFor(() =>
      expect(terminal.end).toMatchObject({ code: 'host_unavailable', message: expect.stringContaining('not connected') }),
    );
  });
});

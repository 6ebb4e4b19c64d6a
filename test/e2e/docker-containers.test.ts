/** The daemon's view of containers on a real Docker. Each container has a memory limit. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DomainError } from '../../daemon/contract/errors.ts';
import type { ContainerSpec, ObservedContainer } from '../../daemon/engine/ports.ts';
import { DockerClient } from '../../daemon/host/docker/client.ts';
import { DockerContainers } from '../../daemon/host/docker/containers.ts';
import { SecretFiles } from '../../daemon/host/secret-files.ts';
import { ModelPlaces } from '../../daemon/host/test-secret-places.ts';
import { Sealed } from '../../daemon/secrets/sealed.ts';
import { acquireEngine, type Engine, LEASE_LABEL } from '../bed/engine.ts';
import { waitFor } from '../bed/run.ts';
import { buildTinyImages } from '../fixtures/images.ts';

const { signal } = new AbortController();
const MEMORY_BYTES = 64 * 1024 ** 2;
const WAIT = { timeoutMs: 10_000, intervalMs: 50 };

let engine: Engine;
let client: DockerClient;
let containers: DockerContainers;
let removed: ObservedContainer[];
let folder: string;
let memory: string;
let places: ModelPlaces;
let network: string;
let subnet: string;
let image_id: string;
let app: string;
const docker = async (...argv: string[]) => (await engine.docker(argv)).stdout.trim();

beforeAll(async () => {
  engine = await acquireEngine({ label: 'docker containers' });
  const images = await buildTinyImages(engine);
  image_id = await docker('image', 'inspect', '--format', '{{.Id}}', images.v1);
  app = `app-${engine.leaseId}`;
  network = `${app}-net`;
  // A fixed address needs a subnet that was asked for.
  subnet = `10.214.${Number.parseInt(engine.leaseId.slice(0, 2), 16)}`;
  await docker('network', 'create', '--label', `${LEASE_LABEL}=${engine.leaseId}`, '--subnet', `${subnet}.0/24`, network);
  folder = await mkdtemp(join(tmpdir(), 'nextdeploy-containers-'));
  client = new DockerClient(engine.socket);
  memory = await mkdtemp('/dev/shm/nextdeploy-containers-');
  places = new ModelPlaces();
  removed = [];
  containers = new DockerContainers(
    client,
    network,
    new SecretFiles(memory, places),
    async (container) => void removed.push(container),
  );
}, 300_000);
afterEach(removeAll);
afterAll(async () => {
  client.close();
  await rm(folder, { recursive: true });
  await rm(memory, { recursive: true });
  await docker('network', 'rm', network);
  await engine.release();
});

async function removeAll(): Promise<void> {
  const ours = ['--filter', `label=nextdeploy.app=${app}`];
  const ids = (await docker('ps', '--all', '--quiet', ...ours)).split('\n').filter(Boolean);
  if (ids.length > 0) await docker('rm', '--force', '--volumes', ...ids);
  const volumes = (await docker('volume', 'ls', '--quiet', ...ours)).split('\n').filter(Boolean);
  if (volumes.length > 0) await docker('volume', 'rm', ...volumes);
}

const spec = (changes: Partial<ContainerSpec> = {}): ContainerSpec => ({
  name: `${app}-blue-0`,
  app_name: app,
  release: 'r1',
  slot: 'blue',
  operation_id: 'op-00000001',
  role: { kind: 'replica', replica: 0 },
  image_id,
  address: null,
  command: null,
  env: {},
  secrets: { inject: 'env', values: new Map() },
  ports: [3000],
  limits: { memory_bytes: MEMORY_BYTES },
  volumes: [],
  networks: [],
  user: null,
  read_only_root: false,
  capabilities: [],
  stop_signal: null,
  drain_ms: 0,
  stop_timeout_ms: 2_000,
  log: { file_bytes_max: 65_536, files: 1 },
  ...changes,
});
/** A container that runs this script once. */
const script = (code: string, changes: Partial<ContainerSpec> = {}) =>
  spec({ command: ['node', '-e', code], role: { kind: 'hook', hook: 'pre_switch' }, name: `${app}-hook`, ...changes });

async function run(wanted: ContainerSpec): Promise<{ exit_code: number | null; lines: string[] }> {
  await containers.create(wanted, signal);
  await containers.start(wanted.name, signal);
  const { exit_code } = await containers.waitForExit(wanted.name, signal);
  const lines = await containers.logTail(wanted.name, 10, signal);
  await containers.remove(wanted, 0, signal);
  return { exit_code, lines };
}
interface DockerInspection {
  Id: string;
  HostConfig: Record<string, unknown>;
  Config: Record<string, unknown> & { Labels: Record<string, string> };
  NetworkSettings: { Networks: Record<string, { IPAddress: string }> };
}
const look = async (name: string): Promise<DockerInspection> =>
  JSON.parse(await docker('inspect', '--type', 'container', '--format', '{{json .}}', name));
const refused = async (action: Promise<unknown>): Promise<DomainError> => {
  const error = await action.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof DomainError)) throw error;
  return error;
};
const refusedRun = (changes: Partial<ContainerSpec>) =>
  refused(run(spec(changes))).then(async ({ message }) => {
    await removeAll();
    return message;
  });

describe('creating', () => {
  test('asks Docker for the limits, the log rotation and the rights of the template', async () => {
    const address = `${subnet}.77`;
    const wanted = spec({
      address,
      limits: { memory_bytes: MEMORY_BYTES, cpus: 0.5 },
      capabilities: ['NET_RAW'],
      stop_signal: 'SIGINT',
    });
    await containers.create(wanted, signal);
    const { HostConfig, Config } = await look(wanted.name);
    expect(HostConfig).toMatchObject({
      NanoCpus: 5e8,
      Memory: MEMORY_BYTES,
      MemorySwap: MEMORY_BYTES,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '65536', 'max-file': '1' } },
    });
    expect(HostConfig.CapAdd).toEqual([expect.stringMatching(/^(CAP_)?NET_RAW$/)]);
    expect(Config).toMatchObject({
      StopSignal: 'SIGINT',
      StopTimeout: 2,
      Labels: { 'nextdeploy.role': 'replica', 'nextdeploy.replica': '0' },
    });
    await containers.start(wanted.name, signal);
    expect((await look(wanted.name)).NetworkSettings.Networks[network]?.IPAddress).toBe(address);
  });

  test('drops all capabilities, whoever runs the container, and keeps those named', async () => {
    const read =
      "const s = require('fs').readFileSync('/proc/self/status', 'utf8'); console.log(/CapBnd:\\s(\\w+)/.exec(s)[1], process.getuid())";
    expect((await run(script(read, { user: '0:0' }))).lines).toEqual(['0000000000000000 0']);
    expect((await run(script(read, { user: 'node', capabilities: ['NET_RAW'] }))).lines).toEqual(['0000000000002000 1000']);
  });

  test('gives a read-only root a /tmp to write to, unless a volume is there', async () => {
    const write =
      "const fs = require('fs'); for (const p of ['/tmp/a', '/app/a']) try { fs.writeFileSync(p, 'x'); console.log(p); } catch (e) { console.log(e.code); }";
    expect((await run(script(write, { read_only_root: true }))).lines).toEqual(['/tmp/a', 'EROFS']);
    const volumes = [{ kind: 'volume', name: `${app}-tmp`, target: '/tmp/', read_only: false }] as const;
    expect((await run(script(write, { read_only_root: true, volumes: [...volumes] }))).lines).toEqual(['/tmp/a', 'EROFS']);
  });

  test('mounts volumes and directories, and keeps named volumes when the container goes', async () => {
    const source = join(folder, 'data');
    await mkdir(source, { recursive: true });
    await writeFile(join(source, 'given'), 'by the host');
    const name = `${app}-data`;
    const volumes: ContainerSpec['volumes'] = [
      { kind: 'volume', name, target: '/data', read_only: false },
      { kind: 'bind', source, target: '/given', read_only: true },
    ];
    const write =
      "const fs = require('fs'); fs.writeFileSync('/data/a', 'kept'); console.log(fs.readFileSync('/given/given', 'utf8')); try { fs.writeFileSync('/given/b', ''); } catch (e) { console.log(e.code); }";
    expect(await run(script(write, { volumes, user: '0' }))).toEqual({ exit_code: 0, lines: ['by the host', 'EROFS'] });
    expect(await docker('volume', 'inspect', '--format', '{{index .Labels "nextdeploy.app"}}', name)).toBe(app);
    const read = "console.log(require('fs').readFileSync('/data/a', 'utf8'))";
    expect((await run(script(read, { volumes }))).lines).toEqual(['kept']);
  });

  test('gives secrets as variables over those of the environment, or as files of its user that Docker does not show', async () => {
    const values = new Map([['TOKEN', new Sealed('needle "quoted"\nline')]]);
    const show = 'console.log(JSON.stringify([process.env.TOKEN, process.env.PORT]))';
    const given = script(show, { env: { TOKEN: 'plain', PORT: '3000' }, secrets: { inject: 'env', values } });
    expect((await run(given)).lines).toEqual([JSON.stringify(['needle "quoted"\nline', '3000'])]);
    const read = `const { readFileSync: read, statSync: stat, accessSync: access, constants } = require('node:fs');
      const file = '/run/secrets/TOKEN';
      let writes = true; try { access('/run/secrets', constants.W_OK) } catch { writes = false }
      console.log(JSON.stringify([read(file, 'utf8'), (stat(file).mode & 0o777).toString(8), stat(file).uid, writes, process.env.TOKEN ?? null]))`;
    for (const [user, uid] of [
      ['1234:99', 1234],
      ['node', 1000],
      [null, null],
    ] as const) {
      const wanted = script(read, { user, secrets: { inject: 'file', values } });
      await containers.create(wanted, signal);
      // A step may be repeated.
      await containers.create(wanted, signal);
      expect(JSON.stringify(await look(wanted.name))).not.toContain('needle');
      await containers.start(wanted.name, signal);
      expect((await containers.waitForExit(wanted.name, signal)).exit_code).toBe(0);
      const [line = ''] = await containers.logTail(wanted.name, 10, signal);
      const imageUser = (await look(wanted.name)).Config.User === '' ? 0 : 1000;
      expect(JSON.parse(line)).toEqual(['needle "quoted"\nline', '400', uid ?? imageUser, false, null]);
      await containers.remove(wanted, 0, signal);
      expect([await readdir(memory), places.list()]).toEqual([[], []]);
    }
    const stranger = script('', { user: 'nobody-knows', secrets: { inject: 'file', values } });
    expect((await refused(containers.create(stranger, signal))).message).toMatch(/nobody-knows/);
    await containers.remove(stranger, 0, signal);
  });

  test('joins further networks before it starts, also when a first attempt ended in between', async () => {
    const further = `${app}-further`;
    await docker('network', 'create', '--label', `${LEASE_LABEL}=${engine.leaseId}`, further);
    try {
      await containers.create(spec(), signal);
      const wanted = spec({ networks: [further] });
      await containers.create(wanted, signal);
      await containers.create(wanted, signal);
      await containers.start(wanted.name, signal);
      const joined = new Set(Object.keys((await look(wanted.name)).NetworkSettings.Networks));
      expect(joined).toEqual(new Set([network, further]));
      await removeAll();
    } finally {
      await docker('network', 'rm', further);
    }
    const wanted = spec({ networks: [further] });
    // Docker 20.10 says so when it starts, later ones when it joins.
    const action = containers.create(wanted, signal).then(() => containers.start(wanted.name, signal));
    expect((await refused(action)).message).toContain(`make it with \`docker network create ${further}\``);
  });

  test('may be repeated by its operation; another operation replaces it; what is not ours stays', async () => {
    await containers.create(spec(), signal);
    const { Id } = await look(spec().name);
    await containers.create(spec(), signal);
    expect((await look(spec().name)).Id).toBe(Id);
    removed = [];
    await containers.create(spec({ operation_id: 'op-00000002' }), signal);
    expect((await look(spec().name)).Id).not.toBe(Id);
    expect(removed.map(({ id }) => id)).toEqual([Id]);
    const error = await refused(containers.create(spec({ app_name: 'another' }), signal));
    expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('rename or remove it') });
  });
});

describe('a container', () => {
  test('runs a command in place of all that the image would', async () => {
    expect(await run(script('console.log(process.argv.length, process.pid)'))).toEqual({ exit_code: 0, lines: ['1 1'] });
    expect((await run(script('process.exit(7)'))).exit_code).toBe(7);
  });

  test('is listed with its role, and as a replica when it was made before there were roles', async () => {
    await containers.create(spec(), signal);
    await containers.create(script(''), signal);
    const labels = { app, release: 'r1', slot: 'green', operation: 'op-00000001' };
    const argv = Object.entries(labels).flatMap(([name, value]) => ['--label', `nextdeploy.${name}=${value}`]);
    await docker('create', '--name', `${app}-old`, ...argv, image_id);
    const ours = (await containers.list(signal)).filter((container) => container.app_name === app);
    expect(Object.fromEntries(ours.map(({ name, role }) => [name, role]))).toEqual({
      [`${app}-blue-0`]: 'replica',
      [`${app}-hook`]: 'hook',
      [`${app}-old`]: 'replica',
    });
  });

  test('tells when it started, how it ended, and how often Docker has started it again', async () => {
    const name = spec().name;
    expect(await containers.inspect(name, signal)).toBeNull();
    await containers.create(spec({ env: { TINY_EXIT: '3' } }), signal);
    expect(await containers.inspect(name, signal)).toMatchObject({
      started_at: null,
      exit_code: null,
      restart_count: 0,
      is_running: false,
    });
    await containers.start(name, signal);
    expect(await containers.waitForExit(name, signal)).toEqual({ exit_code: 3, oom_killed: false });
    const ended = await containers.inspect(name, signal);
    expect(ended).toMatchObject({ exit_code: 3, restart_count: 0, is_running: false });
    expect(Date.parse(ended?.started_at ?? '')).toBeGreaterThan(Date.now() - 60_000);
    await containers.setRestart(name, true, signal);
    await containers.start(name, signal);
    const restarts = async () => ((await containers.inspect(name, signal))?.restart_count ?? 0) > 1 || undefined;
    await waitFor('Docker to start it again', restarts, WAIT);
    await containers.setRestart(name, false, signal);
  });

  test('is restarted with its own stop signal and time, and started when it had ended', async () => {
    const wanted = spec();
    await containers.create(wanted, signal);
    await containers.start(wanted.name, signal);
    const listens = async () => ((await containers.listening(wanted.name, signal)).length > 0 ? true : undefined);
    await waitFor('the port', listens, WAIT);
    const before = await containers.inspect(wanted.name, signal);
    await containers.restart(wanted.name, signal);
    const after = await containers.inspect(wanted.name, signal);
    expect(after).toMatchObject({ is_running: true, id: before?.id });
    expect(after?.started_at).not.toBe(before?.started_at);
    expect(await containers.logTail(wanted.name, 10, signal)).toContain('tiny v1 stops');
    await docker('kill', wanted.name);
    await containers.restart(wanted.name, signal);
    expect(await containers.inspect(wanted.name, signal)).toMatchObject({ is_running: true, exit_code: null });
    await containers.start(wanted.name, signal);
    await containers.remove(wanted, 2_000, signal);
    await containers.remove(wanted, 2_000, signal);
    expect(await refused(containers.restart(wanted.name, signal))).toMatchObject({ code: 'not_found' });
  });

  test('that needs more memory than its limit is killed and takes no swap', async () => {
    const hog = 'const kept = []; for (;;) kept.push(Buffer.alloc(1024 * 1024, 1));';
    await containers.create(script(hog), signal);
    await containers.start(script(hog).name, signal);
    // Docker is not told why on every kernel with cgroup v1, so `oom_killed` may be false.
    expect(await containers.waitForExit(script(hog).name, signal)).toMatchObject({ exit_code: 137 });
  });
});

describe('what Docker refuses', () => {
  test.each<[string, Partial<ContainerSpec>, string]>([
    ['too little memory', { limits: { memory_bytes: 1024 } }, 'no less than 6MB of memory; raise `limits.memory_bytes`.'],
    ['more CPUs than there are', { limits: { cpus: 400 } }, 'This host can give a container 0.01 to'],
    ['an unknown capability', { capabilities: ['FOO'] }, 'Docker knows no capability FOO; change `capabilities`'],
    ['a user that the image does not have', { user: 'nobodyhere' }, 'The image has no user nobodyhere; change `user`'],
    ['a group that the image does not have', { user: '1000:nobodyhere' }, 'The image has no group nobodyhere; change `user`'],
    ['an unknown signal', { stop_signal: 'SIGFOO' }, 'Docker knows no signal SIGFOO; change `stop_signal`.'],
    [
      'a directory that is not there',
      bind('/nowhere/at/all', '/data'),
      '/nowhere/at/all does not exist on this host; make it, or change',
    ],
    [
      'a file at a directory',
      bind('/etc/hostname', '/app'),
      '/etc/hostname cannot be mounted at /app: one is a directory and the other a file',
    ],
    ['a mount inside /proc', bind('/etc', '/proc/x'), 'change `volumes`.'],
    [
      'a volume at the root',
      { volumes: [{ kind: 'volume', name: 'nope', target: '/', read_only: false }] },
      'Docker refuses a mount (',
    ],
    ['a program that is not there', { command: ['nosuch'] }, 'The image has no program nosuch; check'],
    ['a path that is not there', { command: ['/no/such'] }, 'The image has no program /no/such; check'],
    ['what is no program', { command: ['/etc/passwd'] }, 'The program /etc/passwd may not be executed'],
    ['an address outside the network', { address: '10.99.99.9' }, 'Its address is not in the app network'],
    ['an image that is gone', { image_id: `sha256:${'0'.repeat(64)}` }, 'The image has been removed from this host'],
  ])('%s is said with what to change', async (_, changes, expected) => {
    const limits = { memory_bytes: MEMORY_BYTES, ...changes.limits };
    expect(await refusedRun({ ...changes, limits })).toContain(expected);
  });

  test('an address that another container has is a conflict', async () => {
    const address = `${subnet}.78`;
    await containers.create(spec({ address }), signal);
    await containers.start(spec().name, signal);
    const second = spec({ address, name: `${app}-blue-1` });
    await containers.create(second, signal);
    expect(await refused(containers.start(second.name, signal))).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('taken by another container'),
    });
  });

  test('a network that is gone is named', async () => {
    const gone = new DockerContainers(client, `${app}-gone`, new SecretFiles(memory, places));
    const wanted = spec();
    const action = gone.create(wanted, signal).then(() => gone.start(wanted.name, signal));
    expect((await refused(action)).message).toContain(`There is no Docker network ${app}-gone`);
  });
});

function bind(source: string, target: string): Partial<ContainerSpec> {
  return { volumes: [{ kind: 'bind', source, target, read_only: true }] };
}

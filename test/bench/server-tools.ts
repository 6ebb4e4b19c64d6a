/** Puts the bench's own programs into a server and runs them there. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import type { Bed } from '../bed/bed.ts';
import { installPackages, missingPackages } from '../bed/prerequisites.ts';
import type { BenchContext } from './suite.ts';

const REMOTE = '/opt/nextdeploy-bench';
export const REMOTE_NODE = `${REMOTE}/node`;

/** Copies the Node that runs this into the server, as `REMOTE_NODE`. */
export async function installNode(bed: Bed): Promise<void> {
  await expectSuccess(bed, ['mkdir', '-p', REMOTE]);
  await bed.copyIn(process.execPath, REMOTE_NODE);
}

/** Bundles a program of this folder (`agent/main.ts`) with all it imports and copies it in; returns its path there. */
export async function installProgram(bed: Bed, entry: string): Promise<string> {
  const remote = `${REMOTE}/${entry.replaceAll('/', '-').replace(/\.ts$/, '.mjs')}`;
  const directory = await mkdtemp(join(tmpdir(), 'nextdeploy-bench-'));
  try {
    const outfile = join(directory, 'program.mjs');
    await build({
      entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      logLevel: 'silent',
      // CommonJS packages in the bundle ask for Node's own modules by `require`.
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    });
    await bed.copyIn(outfile, remote);
    return remote;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Copies this machine's wrk with its libraries in and returns how to run it there: through its own loader, so that neither the
 * server's release nor its packages matter.
 */
export async function installWrk(bed: Bed): Promise<[string, ...string[]]> {
  const { stdout: wrk } = await promisify(execFile)('which', ['wrk']);
  const { stdout: linked } = await promisify(execFile)('ldd', [wrk.trim()]);
  const libraries = [...linked.matchAll(/(\/\S+)\s+\(0x/g)].flatMap(([, path]) => path ?? []);
  const loader = libraries.find((path) => basename(path).startsWith('ld-'));
  if (loader === undefined) throw new Error(`ldd named no loader for wrk: ${linked}`);
  const directory = `${REMOTE}/wrk`;
  await expectSuccess(bed, ['mkdir', '-p', directory]);
  for (const path of [wrk.trim(), ...libraries]) {
    // docker cp would copy a link as a link.
    const { stdout: real } = await promisify(execFile)('readlink', ['-f', path]);
    await bed.copyIn(real.trim(), `${directory}/${basename(path)}`);
  }
  return [`${directory}/${basename(loader)}`, '--library-path', directory, `${directory}/wrk`];
}

/** Sees to it that this machine has wrk; installs it on Debian and Ubuntu, and throws with what to do elsewhere. */
export async function requireWrk({ signal, say }: Pick<BenchContext, 'signal' | 'say'>): Promise<void> {
  const missing = await missingPackages([{ name: 'wrk', package: 'wrk' }]);
  if (missing.length > 0) await installPackages(missing, { signal, onProgress: say });
}

/** Loads an archive of `docker save` into the server's Docker without a daemon of ours. */
export async function loadImage(bed: Bed, archive: NodeJS.ReadableStream): Promise<void> {
  const load = request({ socketPath: bed.dockerSocket, method: 'POST', path: '/images/load?quiet=1' });
  const answered = Promise.withResolvers<IncomingMessage>();
  load.once('response', answered.resolve);
  load.once('error', answered.reject);
  const [answer] = await Promise.all([answered.promise, pipeline(archive, load)]);
  const said = await text(answer);
  if (answer.statusCode !== 200 || said.includes('"error"'))
    throw new Error(`Docker did not load the image: ${said.slice(-500)}`);
}

/** Starts a program in the server as a unit of its systemd; it ends with the server. */
export async function startUnit(bed: Bed, name: string, argv: readonly string[]): Promise<void> {
  await expectSuccess(bed, ['systemd-run', '--quiet', '--collect', `--unit=${name}`, '--', ...argv]);
}

/** Runs a program in the server and returns its stdout. Throws with the end of its stderr when it fails. */
export async function expectSuccess(
  bed: Bed,
  argv: string[],
  options: { input?: string; timeoutMs?: number } = {},
): Promise<string> {
  const { code, stdout, stderr } = await bed.exec(argv, options);
  if (code !== 0)
    throw new Error(`${argv.slice(0, 4).join(' ')} failed in the server: ${(stderr.trim() || stdout.trim()).slice(-1500)}`);
  return stdout;
}

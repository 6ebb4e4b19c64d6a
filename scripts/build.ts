/** Builds the console where its sources changed since it was built: `npm start`, the demo and the tests all build through here. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const OUT = join(ROOT, 'out');
const BUILD_WAIT_MS_MAX = 300_000;
const OUTPUT_SHOWN_CHARACTERS = 4_000;

/** Whose content decides whether a build is stale, from the root. */
const CONTRACTS = ['daemon/contract', 'preload', 'package-lock.json'];
const RENDERER_SOURCES = ['renderer', ...CONTRACTS];
const DESKTOP_SOURCES = ['main', 'daemon/api', 'daemon/secrets', 'renderer', 'electron.vite.config.ts', ...CONTRACTS];

/**
 * The page that both shells serve; resolves with its directory. Throws with the build's output if it fails. Several processes may
 * call it at once: each builds in a directory of its own, which then takes the place of the old one.
 */
export function buildRenderer(log: (line: string) => void, signal?: AbortSignal): Promise<string> {
  const directory = join(OUT, 'renderer');
  return buildIfStale('renderer', RENDERER_SOURCES, log, async () => {
    const fresh = await mkdtemp(join(OUT, '.renderer-'));
    try {
      const config = ['--config', 'renderer/vite.config.ts', '--outDir', fresh, '--emptyOutDir'];
      await runBuild(['vite/bin/vite.js', 'build', ...config], signal);
      await replaceDirectory(directory, fresh);
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  }).then(() => directory);
}

/** The whole desktop app, in `out/electron`, `out/preload` and `out/renderer`. Needs no Electron runtime. */
export function buildDesktop(log: (line: string) => void, signal?: AbortSignal): Promise<void> {
  return buildIfStale('desktop', DESKTOP_SOURCES, log, () => runBuild(['electron-vite/bin/electron-vite.js', 'build'], signal));
}

async function buildIfStale(
  name: string,
  sources: readonly string[],
  log: (line: string) => void,
  build: () => Promise<void>,
): Promise<void> {
  const stamp = join(OUT, `${name}.built-from`);
  const hash = await hashSources(sources);
  if ((await readFile(stamp, 'utf8').catch(() => '')) === hash) return;
  log(`Building the console (${name}) …`);
  await mkdir(OUT, { recursive: true });
  await build();
  await writeFile(stamp, hash);
}

/** Puts `fresh` in the place of `directory`. Where another process does the same, one of two equal builds wins. */
async function replaceDirectory(directory: string, fresh: string): Promise<void> {
  const old = await mkdtemp(join(OUT, '.old-'));
  await rename(directory, join(old, 'build')).catch(ignoreCodes('ENOENT'));
  await rename(fresh, directory).catch(ignoreCodes('ENOTEMPTY', 'EEXIST'));
  await rm(old, { recursive: true, force: true });
}

function ignoreCodes(...codes: string[]) {
  return (error: NodeJS.ErrnoException): void => {
    if (!codes.includes(error.code ?? '')) throw error;
  };
}

/** Of the content alone: a checkout that touches times does not build anew. Tests do not count. */
async function hashSources(sources: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  for (const source of sources) {
    const files = await listFiles(join(ROOT, source));
    for (const path of files.toSorted((a, b) => a.localeCompare(b, 'en'))) {
      hash.update(`\0${path}\0`).update(await readFile(path));
    }
  }
  return hash.digest('hex');
}

async function listFiles(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (entries === null) return [path];
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.filter((file) => !/\.test\.tsx?$/.test(file) && !file.startsWith(join(ROOT, 'renderer', 'testing')));
}

function runBuild([script, ...programArguments]: readonly [string, ...string[]], signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, 'node_modules', script), ...programArguments], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_ENV: 'production' },
      signal: AbortSignal.any([AbortSignal.timeout(BUILD_WAIT_MS_MAX), ...(signal === undefined ? [] : [signal])]),
    });
    let output = '';
    const keep = (chunk: string) => {
      output = (output + chunk).slice(-OUTPUT_SHOWN_CHARACTERS);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${script} failed:\n${output}`))));
  });
}

if (import.meta.main) {
  await buildDesktop(console.log);
  await buildRenderer(console.log);
}

// Runs one of the project's programs from any state of the checkout: `node scripts/run.mjs FILE.ts [ARGUMENTS]`.
// Plain JavaScript for the Node that is there (20 or newer): it installs the npm packages when they are missing or
// stale, and hands over to the Node 24 that comes with them, which runs TypeScript as it is.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stamp = join(modules, '.nextdeploy-installed');
const INSTALL_WAIT_MS_MAX = 600_000;

const [program, ...programArguments] = process.argv.slice(2);
if (program === undefined) fail('Say which program to run: node scripts/run.mjs FILE.ts [ARGUMENTS]');
requireNode20();
if (!tidiesUpWithOlderInstall()) {
  await withInstallLock(() => {
    if (!installIsCurrent()) install();
  });
}
handOver();

function requireNode20() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) fail(`NextDeploy needs Node 20 or newer to start; this is ${process.version}. Install Node 20 and try again.`);
}

/** What the installed packages depend on: the lock file, and where they lie (native addons are built in place). */
function fingerprint() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(`${root} ${process.platform} ${process.arch}`)
    .digest('hex');
}

function installIsCurrent() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint();
}

/** Servers must be removable after a change of the lock file, too, and without a network. */
function tidiesUpWithOlderInstall() {
  const isTidying = program === 'test/bed/main.ts' && ['down', 'ls', 'sweep'].includes(programArguments[0]);
  return isTidying && existsSync(stamp) && existsSync(node24());
}

function install() {
  installBuildTools();
  console.log('Installing npm packages (once for each version of package-lock.json) …');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...addonHeaders() },
  });
  if (npm.status !== 0) fail('npm ci failed; its output above says why. Mend that and run the command again.');
  checkSshAddon();
  writeFileSync(stamp, fingerprint());
}

/** ssh2's addon must be built for the Node that loads it, and that Node's package brings its headers along. */
function addonHeaders() {
  if (process.platform !== 'linux') return {};
  return { npm_config_nodedir: join(modules, `node-linux-${process.arch}`) };
}

/** A compiler makes SSH three to five times faster; without one ssh2 falls back to plain JavaScript. */
function installBuildTools() {
  const missing = ['python3', 'make', 'g++'].filter((tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    console.warn(`Without ${missing.join(', ')} SSH runs slower. To have it fast: sudo apt-get install ${missing.join(' ')}`);
    return;
  }
  console.log(`Installing ${missing.join(', ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const call of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...missing],
  ]) {
    const apt = spawnSync('apt-get', call, { stdio: ['ignore', 'ignore', 'inherit'], env });
    if (apt.status !== 0) fail(`apt-get ${call.join(' ')} failed; its output above says why.`);
  }
}

function checkSshAddon() {
  const addon = 'ssh2/lib/protocol/crypto/build/Release/sshcrypto.node';
  const loaded = spawnSync(node24(), ['-e', `require(${JSON.stringify(addon)})`], { cwd: root, stdio: 'ignore' });
  if (loaded.status !== 0) console.warn("ssh2's native addon could not be built; SSH works, but slower.");
}

function node24() {
  const bundled = join(modules, '.bin', 'node');
  if (existsSync(bundled)) return bundled;
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 24) fail(`There is no Node 24 package for ${process.platform} ${process.arch}; install Node 24 and try again.`);
  return process.execPath;
}

/** Two commands started at once in one checkout must not both write node_modules; a dead owner's lock is taken over. */
async function withInstallLock(work) {
  if (installIsCurrent()) return;
  const lock = join(root, '.install-lock');
  const deadline = Date.now() + INSTALL_WAIT_MS_MAX;
  while (!tryLock(lock)) {
    if (Date.now() > deadline) fail(`Another install has held ${lock} for ten minutes; end it, or remove that folder.`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  try {
    work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function tryLock(lock) {
  try {
    mkdirSync(lock);
    writeFileSync(join(lock, 'pid'), String(process.pid));
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (lockIsAbandoned(lock)) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

function lockIsAbandoned(lock) {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0);
    return false;
  } catch (error) {
    if (error.code === 'ESRCH') return true;
    // The owner may be between making the folder and writing its pid: old enough means it died there.
    return error.code === 'ENOENT' && existsSync(lock) && Date.now() - statSync(lock).mtimeMs > 5_000;
  }
}

/** The program keeps the terminal; signals reach it directly, and its end becomes ours. */
function handOver() {
  const env = { ...process.env, PATH: `${join(modules, '.bin')}:${process.env.PATH}` };
  const child = spawn(node24(), [join(root, program), ...programArguments], { cwd: root, stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => forward(child, signal));
  child.on('error', (error) => fail(`Node 24 did not start: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal !== null) process.removeAllListeners(signal);
    if (signal !== null) process.kill(process.pid, signal);
    else process.exit(code ?? 1);
  });
}

/** Ctrl-C reaches the whole foreground group by itself; a signal sent to this process alone has to be passed on. */
function forward(child, signal) {
  if (signal === 'SIGINT' && process.stdin.isTTY) return;
  child.kill(signal);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

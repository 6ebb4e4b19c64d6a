/**
 * Builds a server's root file system as a tar archive: `node rootfs-build.ts SUITE WORK-DIRECTORY` writes WORK-DIRECTORY/rootfs.tar.
 * It is a program of its own because rootfs.ts runs it in a private mount and process namespace: when it ends, however it ends, the
 * kernel takes its mounts and processes back. Prints one line per phase.
 */
import { chmod, glob, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OPERATOR, type Recipe, recipeFor, SUITES } from './rootfs-recipe.ts';
import { run } from './run.ts';

async function build(recipe: Recipe, work: string): Promise<void> {
  const root = join(work, 'root');
  const inRoot = (...argv: string[]) =>
    run('chroot', [root, ...argv], { env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' } });

  console.log(`debootstrap ${recipe.suite}`);
  const mirror = process.env.NEXTDEPLOY_BED_MIRROR;
  await run('debootstrap', [
    '--variant=minbase',
    `--include=${recipe.base.join(',')}`,
    recipe.suite,
    root,
    ...(mirror ? [mirror] : []),
  ]);

  console.log(`installing ${recipe.packages.join(', ')}`);
  await run('mount', ['-t', 'proc', 'proc', join(root, 'proc')]);
  const forbidStarts = join(root, 'usr/sbin/policy-rc.d');
  const aptSettings = join(root, 'etc/apt/apt.conf.d/00machine');
  await put(forbidStarts, 0o755, '#!/bin/sh\nexit 101\n');
  await put(aptSettings, 0o644, await machineAptSettings());
  await inRoot('apt-get', 'update');
  await inRoot('apt-get', 'install', '--yes', '--no-install-recommends', ...recipe.packages);
  await inRoot('apt-get', 'clean');
  await rm(forbidStarts);
  await rm(aptSettings);

  console.log('configuring');
  await configure(recipe, root, inRoot);
  await run('umount', [join(root, 'proc')]);

  console.log('packing');
  await run('tar', [
    '--numeric-owner',
    '--xattrs',
    '--xattrs-include=*',
    '--one-file-system',
    '-C',
    root,
    '-cf',
    join(work, 'rootfs.tar'),
    '.',
  ]);
}

async function configure(recipe: Recipe, root: string, inRoot: (...argv: string[]) => Promise<unknown>): Promise<void> {
  await inRoot(
    'useradd',
    '--create-home',
    '--uid',
    String(OPERATOR.uid),
    '--gid',
    String(OPERATOR.gid),
    '--shell',
    '/bin/bash',
    OPERATOR.name,
  );
  await inRoot('systemctl', 'set-default', 'multi-user.target');
  await inRoot('systemctl', 'enable', 'ssh.service', 'docker.service');
  for (const unit of recipe.disabledUnits) await inRoot('systemctl', 'disable', unit).catch(() => undefined);
  await inRoot('systemctl', 'mask', ...recipe.maskedUnits);
  for (const pattern of recipe.removed) {
    for await (const path of glob(join(root, pattern))) await rm(path, { recursive: true, force: true });
  }
  for (const file of recipe.files) await put(join(root, file.path), file.mode, file.content);
}

/** Proxies, certificates and the like: apt in the new system must reach the mirror the way apt on this machine does. */
async function machineAptSettings(): Promise<string> {
  const { stdout } = await run('apt-config', ['dump', '--format', '%F "%v";%n', 'Acquire']).catch(() => ({ stdout: '' }));
  const wanted = /^Acquire::(https?::|Check-|Retries|ForceIPv)/;
  return stdout
    .split('\n')
    .filter((line) => wanted.test(line))
    .join('\n')
    .concat('\n');
}

async function put(path: string, mode: number, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await writeFile(path, content, { mode });
  await chmod(path, mode);
}

const [suiteArgument, work] = process.argv.slice(2);
const suite = SUITES.find((known) => known === suiteArgument);
if (!suite || !work) throw new Error('usage: rootfs-build.ts SUITE WORK-DIRECTORY');
await build(recipeFor(suite), work);

/** `npm run dist`: the daemon as archives that the console, or a person, can install on a server. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHITECTURES, type Architecture, type DaemonTarball } from '../main/core/installer/tarball.ts';
import { bundle } from './tarball/bundle.ts';
import { packRelease, type ReleaseFile } from './tarball/pack.ts';
import { findRuntime } from './tarball/runtime.ts';
import { SECRETS_UNIT, UNIT } from './tarball/unit.ts';

export const ROOT = join(import.meta.dirname, '..');
export const DIST_CACHE = join(ROOT, 'node_modules', '.cache', 'nextdeploy-dist');

export interface BuildOptions {
  arch?: Architecture;
}

/**
 * Builds `dist/nextdeployd-<version>-linux-<arch>.tar.gz` from the sources as they are, with `.sha256` beside it; unchanged sources take a
 * second. Throws, saying why, where the runtime for the architecture cannot be had.
 */
export async function buildDaemonTarball({ arch = 'x64' }: BuildOptions = {}): Promise<DaemonTarball> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const [daemon, cli, runtime] = await Promise.all([
    bundle(ROOT, 'daemon/main.ts', 'nextdeployd.mjs'),
    bundle(ROOT, 'daemon/cli/main.ts', 'nextdeploy.mjs'),
    findRuntime(ROOT, DIST_CACHE, arch),
  ]);
  const files = releaseFiles(daemon.content, cli.content);
  return packRelease(
    { version, architecture: arch, files, runtime },
    join(ROOT, 'dist'),
    DIST_CACHE,
    `nextdeployd-${version}-linux-${arch}.tar.gz`,
  );
}

/** Everything in a release but the runtime. */
export function releaseFiles(daemon: Buffer, cli: Buffer): ReleaseFile[] {
  return [
    { name: 'nextdeployd.mjs', mode: 0o644, content: daemon },
    { name: 'nextdeploy.mjs', mode: 0o644, content: cli },
    { name: 'bin/nextdeployd', mode: 0o755, content: wrapper('nextdeployd.mjs') },
    { name: 'bin/nextdeploy', mode: 0o755, content: wrapper('nextdeploy.mjs') },
    { name: 'nextdeployd.service', mode: 0o644, content: Buffer.from(UNIT) },
    { name: 'nextdeploy-secrets.service', mode: 0o644, content: Buffer.from(SECRETS_UNIT) },
  ];
}

/** Runs a bundle with the runtime beside it, also through a link such as /usr/local/bin/nextdeploy. */
function wrapper(program: string): Buffer {
  return Buffer.from(`#!/bin/sh
release=$(dirname "$(dirname "$(readlink -f "$0")")")
exec "$release/node" --disable-warning=ExperimentalWarning "$release/${program}" "$@"
`);
}

if (import.meta.main) {
  for (const arch of ARCHITECTURES) {
    try {
      const { path, sha256 } = await buildDaemonTarball({ arch });
      console.log(`${path}\n  sha256 ${sha256}`);
    } catch (error) {
      if (arch === 'x64') throw error;
      console.error(`SKIPPED: the archive for ${arch} was not built: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

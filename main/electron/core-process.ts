/** The core as Electron's utility process: one link a page, secrets from the main process, and the daemon's builds from a list. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { createCore } from '../core/core.ts';
import { ARCHITECTURES, type TarballProvider } from '../core/installer/tarball.ts';
import type { CoreLog } from '../core/log.ts';
import { memorySecretStore } from '../core/secret-store.ts';
import type { CoreArguments, CoreMessage } from './core-host.ts';
import { createCorePort } from './core-port.ts';
import { createRemoteSecretStore } from './secrets.ts';

/** Beside the built app: the daemon's builds that can be installed on hosts. */
const TARBALL_LIST = join(import.meta.dirname, 'tarballs.json');
const tarballListSchema = z.array(
  z.object({
    architecture: z.enum(ARCHITECTURES),
    path: z.string(),
    sha256: z.string(),
    version: z.string(),
    contentHash: z.string(),
  }),
);

const tarball: TarballProvider = async (architecture) => {
  const text = await readFile(TARBALL_LIST, 'utf8').catch(() => '[]');
  const found = tarballListSchema.parse(JSON.parse(text)).find((one) => one.architecture === architecture);
  if (found === undefined)
    throw new Error(`This console comes without a daemon for linux-${architecture}; build one with "npm run dist".`);
  return found;
};

const write = (level: string) => (message: string, fields?: Record<string, unknown>) =>
  console.error(`core: ${level}: ${message}`, fields ?? '');
const log: CoreLog = { info: () => undefined, warn: write('warning'), error: write('error') };

const { hasKeychain, ...coreArguments } = JSON.parse(process.argv[2] ?? '') as CoreArguments; // written by our own main process
const remoteSecrets = createRemoteSecretStore((request) => process.parentPort.postMessage(request));
const core = await createCore({
  ...coreArguments,
  tarball,
  secretStore: hasKeychain ? remoteSecrets : memorySecretStore(),
  log,
  shell: 'electron',
});

// Messages that came earlier wait until this listener is there.
process.parentPort.on('message', ({ data, ports }) => {
  const message = data as CoreMessage; // from our own main process
  if (message.kind === 'secret') remoteSecrets.receive(message);
  else if (message.kind === 'connect' && ports[0] !== undefined) core.connect(createCorePort(ports[0]));
  else if (message.kind === 'end') {
    core.close();
    process.exit(0);
  }
});

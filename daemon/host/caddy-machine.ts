/** What the Caddy driver needs of this host. */
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import type { CaddyMachine } from '../proxy/caddy/driver.ts';
import { asService, SERVICE_PROPERTIES } from './as-service.ts';
import { readTextIfThere, removeFile, writeFileAtomically } from './files.ts';
import { runProgram } from './processes.ts';

const ADMIN_DEADLINE_MS = 5_000;
const CONFIG_BYTES_MAX = 64 * 1024 * 1024;
/** The proxy's user reads them. */
const FILE_MODE = 0o644;

/** `service` is Caddy's systemd unit. */
export function createCaddyMachine(adminAddress: string, service: string): CaddyMachine {
  return {
    readText: readTextIfThere,
    writeText: (path, content) => writeFileAtomically(path, content, FILE_MODE),
    remove: removeFile,
    listFiles: (directory) => readdir(directory),
    run: async (file, args, { asCaddy = false, ...options }) => {
      if (!asCaddy || process.getuid?.() !== 0) return runProgram(file, args, options);
      // A validation as root would make log files and storage that Caddy itself cannot open afterwards; and without the unit's
      // environment it would see another Caddyfile than Caddy does.
      const { signal, deadlineMs, cwd = '/' } = options;
      const shown = await runProgram('systemctl', ['show', `--property=${SERVICE_PROPERTIES}`, service], { signal, deadlineMs });
      if (shown.code !== 0) return shown;
      const [runner = '', ...rest] = asService(shown.output, { argv: [file, ...args], cwd, deadlineMs });
      return runProgram(runner, rest, options);
    },
    readConfig: (signal) => readConfig(adminAddress, AbortSignal.any([signal, AbortSignal.timeout(ADMIN_DEADLINE_MS)])),
  };
}

/** Caddy's admin API, https://caddyserver.com/docs/api#get-configpath */
function readConfig(address: string, signal: AbortSignal): Promise<unknown> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, path: '/config/', signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > CONFIG_BYTES_MAX) response.destroy(new Error("Caddy's configuration is too long"));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') resolve(null);
      else reject(error);
    });
    outgoing.end();
  });
}

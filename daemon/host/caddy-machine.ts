/** What the Caddy driver needs of this host. */
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import type { CaddyMachine } from '../proxy/caddy/driver.ts';
import { readTextIfThere, removeFile, writeFileAtomically } from './files.ts';
import { runForProxy } from './service-run.ts';

/** While Caddy loads a configuration it answers nothing. */
const ADMIN_DEADLINE_MS = 20_000;
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
    run: (file, args, options) => runForProxy(service, [file, ...args], options),
    readConfig: (path, signal) =>
      readConfig(adminAddress, path, AbortSignal.any([signal, AbortSignal.timeout(ADMIN_DEADLINE_MS)])),
  };
}

/** Caddy's admin API, https://caddyserver.com/docs/api#get-configpath */
function readConfig(address: string, path: string, signal: AbortSignal): Promise<{ value: unknown } | null> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, path: `/config/${path}`, signal, agent: false }, (response) => {
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
          resolve({ value: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
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

/** What the Caddy driver needs of this host. */
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import type { CaddyMachine } from '../proxy/caddy/driver.ts';
import { readTextIfThere, removeFile } from './files.ts';
import { writeProxyFile } from './proxy-files.ts';
import { runForProxy } from './service-run.ts';

/** While Caddy loads a configuration it answers nothing. */
const ADMIN_DEADLINE_MS = 20_000;
const CONFIG_BYTES_MAX = 64 * 1024 * 1024;

/** `service` is Caddy's systemd unit. */
export function createCaddyMachine(adminAddress: string, service: string): CaddyMachine {
  return {
    readText: readTextIfThere,
    writeText: writeProxyFile,
    remove: removeFile,
    listFiles: (directory) => readdir(directory),
    run: (file, args, options) => runForProxy(service, [file, ...args], options),
    readConfig: (path, signal) =>
      readConfig(adminAddress, path, AbortSignal.any([signal, AbortSignal.timeout(ADMIN_DEADLINE_MS)])),
    loadAgain: (signal) => loadAgain(adminAddress, AbortSignal.any([signal, AbortSignal.timeout(ADMIN_DEADLINE_MS)])),
  };
}

/** Caddy's admin API, https://caddyserver.com/docs/api#get-configpath */
async function readConfig(address: string, path: string, signal: AbortSignal): Promise<{ value: unknown } | null> {
  try {
    const { body } = await callAdmin(address, { path: `/config/${path}`, method: 'GET' }, signal);
    return { value: JSON.parse(body) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return null;
    throw error;
  }
}

/** As `caddy reload --force` does it, https://caddyserver.com/docs/api#post-load */
async function loadAgain(address: string, signal: AbortSignal): Promise<void> {
  const { body } = await callAdmin(address, { path: '/config/', method: 'GET' }, signal);
  const headers = { 'content-type': 'application/json', 'cache-control': 'must-revalidate' };
  const answer = await callAdmin(address, { path: '/load', method: 'POST', headers, body }, signal);
  if (answer.status !== 200) throw new Error(`Caddy answered ${answer.status}: ${answer.body.slice(0, 300)}`);
}

interface AdminCall {
  path: string;
  method: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
}

function callAdmin(address: string, call: AdminCall, signal: AbortSignal): Promise<{ status: number; body: string }> {
  const [host, port] = address.split(':');
  const { path, method, headers = {}, body = '' } = call;
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, path, method, headers, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > CONFIG_BYTES_MAX) response.destroy(new Error("Caddy's configuration is too long"));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

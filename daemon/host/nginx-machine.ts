/** What the nginx driver needs of this host. */
import { existsSync } from 'node:fs';
import { link, readdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import type { NginxMachine } from '../proxy/nginx/driver.ts';
import { makeDirectory, readTextIfThere, removeFile } from './files.ts';
import { writeProxyFile } from './proxy-files.ts';
import { runForProxy } from './service-run.ts';

const ASK_DEADLINE_MS = 2_000;
const ANSWER_CHARACTERS_MAX = 200;
/** nginx's master process reads them as root, and the user of a unit without root must be able to. */
const FILE_MODE = 0o644;

/** `service` is nginx's systemd unit. */
export function createNginxMachine(service: string): NginxMachine {
  return {
    has_ipv6: existsSync('/proc/net/if_inet6'),
    readText: readTextIfThere,
    writeText: writeProxyFile,
    remove: removeFile,
    listFiles: (directory) => readdir(directory),
    run: (file, args, options) => runForProxy(service, [file, ...args], options),
    withCandidate: async (directory, { name, content, suffix }, body) => {
      const path = join(directory, '.candidate');
      // Of a daemon that was killed.
      await rm(path, { recursive: true, force: true });
      await makeDirectory(path, 0o755);
      try {
        const names = await readdir(directory);
        const others = names.filter((other) => other.endsWith(suffix) && other !== name);
        await Promise.all(others.map((other) => link(join(directory, other), join(path, other))));
        if (content !== null) await writeFile(join(path, name), content, { mode: FILE_MODE });
        return await body(path);
      } finally {
        await rm(path, { recursive: true, force: true });
      }
    },
    makeMark: async (directory, { name, content }) => {
      const path = join(directory, '.mark');
      await makeDirectory(path, 0o755);
      await writeFile(join(path, name), content, { mode: FILE_MODE });
      return path;
    },
    ask: (target, signal) => ask(target, AbortSignal.any([signal, AbortSignal.timeout(ASK_DEADLINE_MS)])),
  };
}

function ask({ host, port, name }: { host: string; port: number; name: string }, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, headers: { host: name }, signal, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (body.length < ANSWER_CHARACTERS_MAX) body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve(response.statusCode === 200 ? body : ''));
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET') resolve(null);
      else reject(error);
    });
    outgoing.end();
  });
}

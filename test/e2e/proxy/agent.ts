/**
 * Runs on the server of proxy.test.ts: the daemon's own drivers and markers, without the daemon around them. Its one argument is a JSON
 * list of calls, made at once; it prints a JSON list of their outcomes. With `echo PORT` it is a web server that tells what it was sent,
 * and with `?type=T&bytes=N` answers that many bytes of that type; each `header=NAME:VALUE` is a header of the answer.
 */
import { createServer } from 'node:http';
import { parseConfig } from '../../../daemon/config.ts';
import { createCaddyMachine } from '../../../daemon/host/caddy-machine.ts';
import { MarkerFiles } from '../../../daemon/host/markers.ts';
import { createNginxMachine } from '../../../daemon/host/nginx-machine.ts';
import { CaddyDriver } from '../../../daemon/proxy/caddy/driver.ts';
import { NginxDriver } from '../../../daemon/proxy/nginx/driver.ts';
import { type Call, NGINX_HTTPS_PORT, NGINX_PORT, type Outcome, SLOTS_DIRECTORY } from './protocol.ts';

const { signal } = new AbortController();
const ports = `{ http_port: ${NGINX_PORT}, https_port: ${NGINX_HTTPS_PORT} }`;
const config = parseConfig(`{ auth: { token: ${'x'.repeat(32)} }, proxy: { nginx: ${ports} } }`, 'config');
const { certificates } = config;
const { caddy, nginx } = config.proxy;
const drivers = {
  caddy: new CaddyDriver({ ...caddy, certificates }, createCaddyMachine(caddy.admin, caddy.service), signal),
  nginx: new NginxDriver({ ...nginx, certificates }, createNginxMachine(nginx.service), signal),
};
const markers = new MarkerFiles(SLOTS_DIRECTORY);

async function perform(call: Call): Promise<string> {
  switch (call.kind) {
    case 'apply':
      await drivers[call.proxy].apply(call.app, call.route, signal);
      return '';
    case 'check':
      await drivers[call.proxy].check(signal, call.route);
      return '';
    case 'version':
      return drivers[call.proxy].version(signal);
    case 'list':
      return (await drivers[call.proxy].listApps()).join(' ');
    case 'reload_certificates':
      await drivers[call.proxy].reloadCertificates(signal);
      return '';
    case 'mark':
      await markers.write(call.app, call.state);
      return '';
    case 'page':
      await markers.writePage(call.app, call.html);
      return '';
  }
}

function serveEcho(port: number): void {
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    request.resume();
    request.on('end', () => {
      const { searchParams: asked } = new URL(url ?? '/', 'http://echo');
      for (const header of asked.getAll('header')) {
        const [name = '', value = ''] = header.split(/:(.*)/);
        response.appendHeader(name, value);
      }
      response.setHeader('x-nextdeploy-slot', 'forged');
      response.setHeader('content-type', asked.get('type') ?? 'application/json');
      const bytes = asked.get('bytes');
      response.end(bytes === null ? JSON.stringify({ method, url, headers }) : 'x'.repeat(Number(bytes)));
    });
  });
  server.listen(port, '127.0.0.1');
}

const [first = '', port = ''] = process.argv.slice(2);
if (first === 'echo') serveEcho(Number(port));
else {
  // The test's own words.
  const calls = JSON.parse(first) as Call[];
  const settled = await Promise.allSettled(calls.map(perform));
  const outcomes = settled.map((result): Outcome => {
    if (result.status === 'fulfilled') return { code: null, message: result.value };
    const error = result.reason as Error & { code?: string };
    return error.name === 'DomainError' && error.code
      ? { code: error.code, message: error.message }
      : { code: 'crash', message: error.stack ?? String(error) };
  });
  process.stdout.write(JSON.stringify(outcomes));
}

/**
 * The usual way beside ours: both releases run, and a second instance of the same program is told which one to use, with the connection
 * settings of the daemon's renderers (daemon/proxy).
 */
import type { ProxyType } from '../../../daemon/contract/names.ts';
import type { Reload } from '../agent/protocol.ts';
import { expectSuccess, startUnit } from '../server-tools.ts';
import { APP_PORT, type Stage, VERSIONS } from './stage.ts';

type Version = (typeof VERSIONS)[number];

export interface Reference {
  port: number;
  host: string;
  /** The change that leads to a version. */
  reloadTo(version: Version): Reload;
}

const HOST = 'reload.bench.test';
const DIRECTORY = '/opt/nextdeploy-bench';
const ADDRESSES = { v1: '10.213.255.251', v2: '10.213.255.252' };
const upstreamOf = (version: Version) => `${ADDRESSES[version]}:${APP_PORT}`;

/** Two containers that run from the start, for both proxies. */
export async function startReleases({ bed, images }: Stage): Promise<void> {
  for (const version of VERSIONS) {
    const where = ['--network', 'nextdeploy', '--ip', ADDRESSES[version]];
    await expectSuccess(bed, ['docker', 'run', '--detach', ...where, images.tiny[version]]);
  }
}

export async function startReference(proxy: ProxyType, stage: Stage): Promise<Reference> {
  return proxy === 'caddy' ? startCaddy(stage) : startNginx(stage);
}

async function startCaddy({ bed }: Stage): Promise<Reference> {
  const [port, admin, config] = [8480, '127.0.0.1:20199', `${DIRECTORY}/caddy.json`];
  const transport = { protocol: 'http', keep_alive: { idle_timeout: '4s', max_idle_conns_per_host: 256 } };
  const routes = [{ handle: [{ handler: 'reverse_proxy', transport, upstreams: [{ dial: upstreamOf('v1') }] }] }];
  const server = { listen: [`127.0.0.1:${port}`], automatic_https: { disable: true }, routes };
  const content = { admin: { listen: admin, config: { persist: false } }, apps: { http: { servers: { bench: server } } } };
  await expectSuccess(bed, ['tee', config], { input: JSON.stringify(content) });
  await startUnit(bed, 'nextdeploy-bench-caddy', ['caddy', 'run', '--config', config]);
  const upstreams = `http://${admin}/config/apps/http/servers/bench/routes/0/handle/0/upstreams`;
  return { port, host: HOST, reloadTo: (version) => ({ proxy: 'caddy', admin: upstreams, upstream: upstreamOf(version) }) };
}

async function startNginx({ bed }: Stage): Promise<Reference> {
  const [port, main, file] = [8481, `${DIRECTORY}/nginx.conf`, `${DIRECTORY}/nginx-upstream.conf`];
  const keepalive = 'keepalive 64; keepalive_timeout 4s; keepalive_requests 100000;';
  const upstream = (version: Version) => `upstream app { server ${upstreamOf(version)}; ${keepalive} }\n`;
  const proxying =
    'proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;';
  const content = [
    `user www-data; worker_processes auto; pid ${DIRECTORY}/nginx.pid; error_log /var/log/nginx/bench.log;`,
    'events { worker_connections 768; }',
    `http { access_log off; include ${file}; server { listen 127.0.0.1:${port}; location / { ${proxying} } } }`,
  ];
  await expectSuccess(bed, ['tee', file], { input: upstream('v1') });
  await expectSuccess(bed, ['tee', main], { input: `${content.join('\n')}\n` });
  await startUnit(bed, 'nextdeploy-bench-nginx', ['nginx', '-c', main, '-g', 'daemon off;']);
  return { port, host: HOST, reloadTo: (version) => ({ proxy: 'nginx', main, file, text: upstream(version) }) };
}

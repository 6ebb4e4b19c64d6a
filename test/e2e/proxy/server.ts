/** A server with both proxies and no daemon: its drivers are called from here, and its apps are containers of the tiny fixture. */
import { createHash } from 'node:crypto';
import type { ProxyType } from '../../../daemon/contract/names.ts';
import type { RouteModel } from '../../../daemon/engine/state.ts';
import { type Bed, startBed } from '../../bed/bed.ts';
import { acquireEngine } from '../../bed/engine.ts';
import { SUITES } from '../../bed/rootfs-recipe.ts';
import { expectSuccess, installNode, installProgram, REMOTE_NODE, startUnit } from '../../bench/server-tools.ts';
import { buildTinyImages, saveImage } from '../../fixtures/images.ts';
import { SUITE_VARIABLE } from '../../matrix/proxies.ts';
import { type Call, CERTIFICATES_DIRECTORY, CHALLENGE_DIRECTORY, NGINX_PORT, type Outcome, SLOTS_DIRECTORY } from './protocol.ts';

const NETWORK = 'proxytest';
/** Not of the addresses that the bed's servers have themselves: the first of them is in 10.214.0.0/24. */
const SUBNET = '10.212.1.0/24';
/** The app that tells what it was sent. */
export const ECHO = '127.0.0.1:3999';
const CONTAINERS = { 'blue-1': '10.212.1.11', 'blue-2': '10.212.1.12', 'green-1': '10.212.1.21' } as const;
export type ContainerName = keyof typeof CONTAINERS;
export const upstream = (name: ContainerName) => `${CONTAINERS[name]}:3000`;

export const verifyKey = (app: string) => createHash('md5').update(app).digest('hex');

/** Of an app that both proxies could serve, with a container in each slot. */
export function routeOf(proxy: ProxyType, app: string, changes: Partial<RouteModel> = {}): RouteModel {
  return {
    app_name: app,
    proxy,
    sites: [{ domain: `${app}.test`, tls: 'off' }],
    redirects: [],
    upstreams: { blue: [upstream('blue-1')], green: [upstream('green-1')] },
    health_path: '/api/health',
    marker_directory: `${SLOTS_DIRECTORY}/${app}`,
    verify_key: verifyKey(app),
    ...changes,
  };
}

export class ProxyServer {
  readonly bed: Bed;
  readonly #agent: string;

  private constructor(bed: Bed, agent: string) {
    this.bed = bed;
    this.#agent = agent;
  }

  static async start(): Promise<ProxyServer> {
    const suite = SUITES.find((name) => name === process.env[SUITE_VARIABLE]);
    const bed = await startBed({ label: 'proxy', proxies: 'both', ...(suite && { suite }) });
    try {
      await installNode(bed);
      const [agent] = await Promise.all([installProgram(bed, '../e2e/proxy/agent.ts'), loadImage(bed), includeRoutes(bed)]);
      const server = new ProxyServer(bed, agent);
      await startUnit(bed, 'echo', [REMOTE_NODE, agent, 'echo', ECHO.split(':')[1] ?? '']);
      await server.run('docker', 'network', 'create', '--subnet', SUBNET, NETWORK);
      for (const name of Object.keys(CONTAINERS)) await server.startContainer(name as ContainerName);
      return server;
    } catch (error) {
      await bed.stop();
      throw error;
    }
  }

  /** The address of a proxy on this machine. */
  base(proxy: ProxyType): string {
    return proxy === 'caddy' ? this.bed.http : this.bed.nginx.http;
  }

  secureBase(proxy: ProxyType): string {
    return proxy === 'caddy' ? this.bed.https : this.bed.nginx.https;
  }

  /** Makes a certificate for a name, and puts it where the proxy looks for it; returns its fingerprint. */
  async makeCertificate(proxy: ProxyType, domain: string): Promise<string> {
    const path = `${CERTIFICATES_DIRECTORY}/${domain}`;
    const names = ['-subj', `/CN=${domain.slice(0, 60)}`, '-addext', `subjectAltName=DNS:${domain}`];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${path}.key`];
    await this.run('openssl', 'req', '-x509', '-days', '30', ...key, ...names, '-out', `${path}.crt`);
    // Caddy reads it as its own user; nginx's master is root.
    await this.run('chown', proxy === 'caddy' ? 'root:caddy' : 'root:root', `${path}.key`);
    await this.run('chmod', '0640', `${path}.key`);
    const printed = await this.run('openssl', 'x509', '-noout', '-fingerprint', '-sha256', '-in', `${path}.crt`);
    return printed.trim().replace(/^.*=/, '');
  }

  /** Runs a program; returns its stdout, throws when it fails. */
  run(...argv: string[]): Promise<string> {
    return expectSuccess(this.bed, argv);
  }

  async startContainer(name: ContainerName): Promise<void> {
    const settings = ['--name', name, '--network', NETWORK, '--ip', CONTAINERS[name], '--env', `TINY_VERSION=${name}`];
    await this.run('docker', 'run', '--detach', ...settings, 'nextdeploy-tiny:v1');
  }

  /** Makes the calls at once. */
  async attempt(...calls: Call[]): Promise<Outcome[]> {
    const printed = await this.run(REMOTE_NODE, this.#agent, JSON.stringify(calls));
    return JSON.parse(printed) as Outcome[];
  }

  /** The same; every call has to succeed. Returns what they say. */
  async call(...calls: Call[]): Promise<string[]> {
    const outcomes = await this.attempt(...calls);
    const failed = outcomes.find(({ code }) => code !== null);
    if (failed) throw new Error(`${failed.code}: ${failed.message}`);
    return outcomes.map(({ message }) => message);
  }

  apply(route: RouteModel): Promise<string[]> {
    return this.call({ kind: 'apply', proxy: route.proxy, app: route.app_name, route });
  }

  /** Puts a route and its marker there. */
  async deploy(route: RouteModel): Promise<void> {
    const { proxy, app_name: app } = route;
    await this.call({ kind: 'mark', app, state: 'blue' }, { kind: 'apply', proxy, app, route });
  }

  remove(proxy: ProxyType, app: string): Promise<string[]> {
    return this.call({ kind: 'apply', proxy, app, route: null });
  }

  write(path: string, content: string): Promise<unknown> {
    return expectSuccess(this.bed, ['tee', path], { input: content });
  }

  /** All files of a proxy's configuration with their content, as one hash. */
  async fingerprint(proxy: ProxyType): Promise<string> {
    return this.run('sh', '-c', `find /etc/${proxy} -type f -exec sha256sum {} + | sort | sha256sum`);
  }
}

async function loadImage(bed: Bed): Promise<void> {
  const engine = await acquireEngine({ label: 'tiny image' });
  try {
    const { v1 } = await buildTinyImages(engine);
    const chunks: Buffer[] = [];
    for await (const chunk of await saveImage(engine, v1)) chunks.push(Buffer.from(chunk));
    const { code, stderr } = await bed.exec(['docker', 'load'], { input: Buffer.concat(chunks), timeoutMs: 120_000 });
    if (code !== 0) throw new Error(`docker load failed: ${stderr}`);
  } finally {
    await engine.release();
  }
}

const STATE_DIRECTORIES = [SLOTS_DIRECTORY, CERTIFICATES_DIRECTORY, `${CHALLENGE_DIRECTORY}/.well-known/acme-challenge`];

/** As the installer does; and a site of the operator's own in each proxy. */
async function includeRoutes(bed: Bed): Promise<void> {
  const write = (path: string, content: string) => expectSuccess(bed, ['tee', path], { input: content });
  await expectSuccess(bed, ['mkdir', '-p', '/etc/caddy/nextdeploy', '/etc/nginx/nextdeploy', '/srv/own', ...STATE_DIRECTORIES]);
  await write('/srv/own/index.html', 'own\n');
  const caddyfile = await expectSuccess(bed, ['cat', '/etc/caddy/Caddyfile']);
  const own = `http://own.test {\n\troot * /srv/own\n\tfile_server\n\thandle /ws {\n\t\treverse_proxy ${upstream('blue-1')}\n\t}\n}\n`;
  await write('/etc/caddy/Caddyfile', `${caddyfile}\n${own}\nimport /etc/caddy/nextdeploy/*.caddy\n`);
  await write('/etc/nginx/conf.d/nextdeploy.conf', 'include /etc/nginx/nextdeploy/*.conf;\n');
  await write('/etc/nginx/modules-enabled/99-nextdeploy.conf', 'worker_shutdown_timeout 24h;\n');
  await write('/etc/nginx/sites-enabled/own', OWN_IN_NGINX);
  await expectSuccess(bed, ['systemctl', 'reload', 'caddy', 'nginx']);
}

const OWN_IN_NGINX = `server {
  listen ${NGINX_PORT};
  server_name own.test;
  root /srv/own;
  location /ws {
    proxy_pass http://${upstream('blue-1')};
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
  }
}
`;

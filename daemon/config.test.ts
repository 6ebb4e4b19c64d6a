import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig } from './config.ts';

const FILE = '/etc/nextdeploy/config.yml';
const TOKEN = '0123456789abcdef0123456789abcdef';

const complaint = (text: string | null): string => {
  try {
    parseConfig(text, FILE);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
};

describe('parseConfig', () => {
  it('needs the token alone, and keeps it sealed', () => {
    const config = parseConfig(`auth: { token: ${TOKEN} }`, FILE);
    expect(config.auth.token.open()).toBe(TOKEN);
    expect(JSON.stringify(config)).not.toContain(TOKEN);
    expect({ ...config, auth: undefined }).toMatchObject({
      listen: { socket: '/run/nextdeploy/nextdeployd.sock', host: '127.0.0.1', port: 8371 },
      state_directory: '/var/lib/nextdeploy',
      docker: { socket: '/var/run/docker.sock', network: { name: 'nextdeploy', subnet: '10.213.0.0/16' } },
      proxy: {
        default: 'caddy',
        caddy: { directory: '/etc/caddy/nextdeploy', caddyfile: '/etc/caddy/Caddyfile', http_port: 80, https_port: 443 },
        nginx: { directory: '/etc/nginx/nextdeploy', service: 'nginx', http_port: 80, https_port: 443 },
      },
      volumes: { bind_roots: [] },
      retention: { releases: 5, disk_free_percent: 10 },
    });
  });

  it.each([
    [null, 'there is no such file'],
    ['', 'auth'],
    ['auth: { token: short }', 'auth.token: use at least 32 characters'],
    [`auth: { token: ${TOKEN} }\nlisten: { host: 0.0.0.0 }`, 'listen.host: only a loopback address'],
    [`auth: { token: ${TOKEN} }\nlisten: { port: 70000 }`, 'listen.port'],
    [`auth: { token: ${TOKEN} }\nlisten: { prot: 1 }`, 'listen.prot: unknown'],
    [`auth: { token: ${TOKEN} }\ndocker: { network: { subnet: 10.0.0.1/16 } }`, 'docker.network.subnet'],
    [`auth: { token: ${TOKEN} }\nstate_directory: "/var/lib/x; reboot"`, 'state_directory'],
    [`auth: { token: ${TOKEN} }\nproxy: { default: apache }`, 'proxy.default'],
    [`auth: { token: ${TOKEN} }\nvolumes: { bind_roots: [srv] }`, 'volumes.bind_roots.0: use an absolute path'],
    [`auth: { token: ${TOKEN} }\nvolumes: { bind_roots: [/srv/../etc] }`, 'volumes.bind_roots.0: use a path without ..'],
    [`auth: { token: ${TOKEN} }\nvolumes: { bind_roots: [/] }`, 'volumes.bind_roots.0: the whole host'],
    [`auth: { token: ${TOKEN} }\nretention: { releases: 0 }`, 'retention.releases'],
    ['- a list', '(whole file)'],
  ])('refuses %j, naming the file and the field', (text, says) => {
    const message = complaint(text);
    expect(message.startsWith(`${FILE}: `)).toBe(true);
    expect(message).toContain(says);
  });

  it('never quotes the file, which holds the token', () => {
    expect(complaint(`auth: { token: "${TOKEN}\n  oops: [`)).not.toContain(TOKEN);
    expect(complaint(`auth: { token: ${TOKEN.slice(0, 20)} }`)).not.toContain(TOKEN.slice(0, 20));
  });
});

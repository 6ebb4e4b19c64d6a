import { describe, expect, it } from 'vitest';
import { findLostDefault, findWorkerGroup, isRead } from './foreign.ts';

const OURS = '/etc/nginx/nextdeploy/included.conf';

/** As `nginx -T` prints it: https://nginx.org/en/docs/switches.html */
const dump = (files: Record<string, string>) =>
  `nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n${Object.entries(files)
    .map(([path, text]) => `# configuration file ${path}:\n${text}\n`)
    .join('\n')}`;
const site = (...listens: string[]) =>
  `server {\n${listens.map((listen) => `  listen ${listen};\n`).join('')}  location / { root /srv; }\n}`;
const debian = (own: string) =>
  dump({
    '/etc/nginx/nginx.conf': 'http {\n  include conf.d/*.conf;\n  include sites-enabled/*;\n}',
    '/etc/nginx/conf.d/nextdeploy.conf': 'include /etc/nginx/nextdeploy/*.conf;',
    [OURS]: '# looks whether it is read',
    '/etc/nginx/sites-enabled/own': own,
  });

describe("the operator's own configuration", () => {
  it.each([
    ['user www-data;\nhttp {}', '', 'www-data'],
    ['user web www;', '--user=other', 'www'],
    ['http { user x; }', 'configure arguments: --user=nginx --group=ngx', 'ngx'],
    ['# user x;', 'configure arguments: --user=nginx', 'nginx'],
    ['http {}', '', 'nogroup'],
  ])('says by %j and %j that its workers are of the group %s', (main, build, group) => {
    expect(findWorkerGroup(dump({ '/etc/nginx/nginx.conf': main }), build)).toBe(group);
  });

  it('says whether our directory is read', () => {
    expect(isRead(debian(site('80')), OURS)).toBe(true);
    expect(isRead(dump({ '/etc/nginx/nginx.conf': '# include /etc/nginx/nextdeploy/*.conf;' }), OURS)).toBe(false);
  });

  it.each([['80'], ['*:80'], ['0.0.0.0:80'], ['[::]:80'], ['127.0.0.1:80', '80'], []])(
    'loses its default to ours where the site with %j is read after it and no other is marked',
    (...listens) => {
      expect(findLostDefault(debian(site(...listens)), OURS, 80)).toBe('/etc/nginx/sites-enabled/own');
    },
  );

  it.each([
    ['80 default_server', '[::]:80 default_server'],
    ['80 default_server', '[::]:80 ipv6only=on default_server'],
    ['8080'],
    ['127.0.0.1:80'],
    ['unix:/run/x.sock'],
  ])('keeps it with %j', (...listens) => {
    expect(findLostDefault(debian(site(...listens)), OURS, 80)).toBeNull();
  });

  it('keeps it where a site is read before ours, and loses it where the first stands behind the include in the same file', () => {
    const main = (text: string) => dump({ '/etc/nginx/nginx.conf': `http {\n${text}\n}`, [OURS]: '' });
    const include = 'include nextdeploy/*.conf;';
    expect(findLostDefault(main(`${site('80')}\n${include}`), OURS, 80)).toBeNull();
    expect(findLostDefault(main(`${include}\n${site('80')}`), OURS, 80)).toBe('/etc/nginx/nginx.conf');
    expect(findLostDefault(main(`${site('80')}\n${include}\n${site('80')}`), OURS, 80)).toBeNull();
  });

  it('reads past comments, quotes and braces of other directives', () => {
    const own = `map $x $y { default "a;}{"; } # server { listen 80; }
      upstream u { server 10.0.0.1:80; }
      server { set $a "\${b}"; if ($a ~ "^{") { return 404; } listen 80 default_server; listen [::]:80 default_server; }`;
    expect(findLostDefault(debian(own), OURS, 80)).toBeNull();
  });
});

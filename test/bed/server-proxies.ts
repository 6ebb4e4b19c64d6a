/** Which proxies a server runs. All are installed in its image; what differs are a few files, placed before its first start. Pure. */
import type { ServerFile } from './server-files.ts';

export const PROXIES = ['caddy', 'nginx', 'both'] as const;
/** `both`: Caddy on 80 and 443, nginx on 8080 and 8443. */
export type Proxies = (typeof PROXIES)[number];

/** Debian's own default site of nginx without its comments, on a port that leaves 80 to Caddy. */
const SITE_BESIDE_CADDY = `server {
	listen 8080 default_server;
	listen [::]:8080 default_server;
	root /var/www/html;
	index index.html index.htm index.nginx-debian.html;
	server_name _;
	location / {
		try_files $uri $uri/ =404;
	}
}
`;

/** What `systemctl enable` would make, and nginx's site where it has to make way. */
export function proxyFiles(proxies: Proxies): ServerFile[] {
  const enabled = proxies === 'both' ? ['caddy', 'nginx'] : [proxies];
  const links = enabled.map((name) => ({
    path: `/etc/systemd/system/multi-user.target.wants/${name}.service`,
    mode: 0o777,
    target: `/lib/systemd/system/${name}.service`,
  }));
  const site = { path: '/etc/nginx/sites-available/default', mode: 0o644, content: SITE_BESIDE_CADDY };
  return proxies === 'both' ? [...links, site] : links;
}

import type { RouteModel, RouteOptions, RoutePrefix } from '../engine/state.ts';
import type { CertificateSettings } from './certificates.ts';

export const CERTIFICATES: CertificateSettings = {
  directory: '/etc/nextdeploy/certs',
  challenge_directory: '/var/lib/nextdeploy/acme',
};

export const ROUTE: RouteModel = {
  app_name: 'shop',
  proxy: 'caddy',
  sites: [{ domain: 'shop.test', tls: 'off' }],
  redirects: [],
  upstreams: { blue: ['10.213.0.16:3000'], green: ['10.213.0.24:4000'] },
  health_path: '/api/health',
  marker_directory: '/var/lib/nextdeploy/slots/shop',
  verify_key: 'abcdef0123456789abcdef0123456789',
};

export const NO_OPTIONS: RouteOptions = {
  headers: [],
  basic_auth: [],
  body_bytes_max: null,
  is_compressed: false,
  prefixes: [],
  path_redirects: [],
};
/** Of no password that matters. */
export const HASH = '$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy';

function withPrefix(changes: Partial<RoutePrefix>): Partial<RouteOptions> {
  return { prefixes: [{ path: '/api', is_stripped: false, upstreams: ROUTE.upstreams, marker_directory: null, ...changes }] };
}

/** Each a way out of the words of either proxy's configuration, if it got there. */
export const HOSTILE_OPTIONS: [string, Partial<RouteOptions>][] = [
  ['header', { headers: [{ name: 'X-A "x"; return', value: 'x' }] }],
  ['header', { headers: [{ name: 'Content-Length', value: '0' }] }],
  ['header', { headers: [{ name: 'defer', value: '' }] }],
  ['header, which is there twice', { headers: ['X-A', 'x-a'].map((name) => ({ name, value: '1' })) }],
  ['value of a header', { headers: [{ name: 'X-A', value: 'a\nb' }] }],
  ['user', { basic_auth: [{ username: 'ann:x', password_hash: HASH }] }],
  ['user, which is there twice', { basic_auth: ['ann', 'ann'].map((username) => ({ username, password_hash: HASH })) }],
  ['hash of a password', { basic_auth: [{ username: 'ann', password_hash: 'open sesame' }] }],
  ['limit of bodies', { body_bytes_max: 0 }],
  ['limit of bodies', { body_bytes_max: 1.5 }],
  ['path', { path_redirects: [{ from: '/a%0ab', to: '/', status: 308 }] }],
  ['path', { path_redirects: [{ from: '/a b', to: '/', status: 308 }] }],
  ['target', { path_redirects: [{ from: '/a', to: '/{env.SECRET}', status: 308 }] }],
  ['target', { path_redirects: [{ from: '/a', to: '//evil.test', status: 308 }] }],
  ['path, which is there twice', { path_redirects: ['/a', '/%61'].map((from) => ({ from, to: '/b', status: 308 as const })) }],
  ['prefix', withPrefix({ path: '/' })],
  ['prefix', withPrefix({ path: '/a/../b' })],
  ['prefix', withPrefix({ path: '/%ff' })],
  ['upstream', withPrefix({ upstreams: { blue: ['unix:/run/x'], green: ['10.0.0.1:80'] } })],
  ['marker directory', withPrefix({ marker_directory: '/var/lib/x; return 200' })],
];

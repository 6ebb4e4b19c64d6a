import type { RouteModel } from '../engine/state.ts';
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

import type { RouteModel } from '../../engine/state.ts';

export const ROUTE: RouteModel = {
  app_name: 'shop',
  sites: [{ domain: 'shop.test', tls: 'off' }],
  upstreams: { blue: ['10.213.0.16:3000'], green: ['10.213.0.24:4000'] },
  marker_directory: '/var/lib/nextdeploy/slots/shop',
  verify_key: 'abcdef0123456789abcdef0123456789',
};

/** A request for each route of the contract that is as it should be. */
import type { Route } from '../contract/route.ts';
import { type RouteName, routes } from '../contract/routes.ts';
import type { RawRequest } from './test-http.ts';
import { sampleOperation, sampleToken } from './test-server.ts';

const app = { app_name: 'shop', image: 'shop:v2' };
export const bodies: Partial<Record<RouteName, object>> = {
  deploy: app,
  swap: app,
  rollback: { app_name: 'shop' },
  scaleApp: { replicas: 2 },
  setMaintenance: { enabled: true },
  createToken: { name: 'ci', role: 'operator' },
  syncSecrets: { scope: 'app', app_name: 'shop', secrets: { TOKEN: 'one' } },
  pullSecrets: { scope: 'app', app_name: 'shop' },
  configureRoute: { app_name: 'shop', headers: { 'X-Frame-Options': 'DENY' } },
  createBackup: { passphrase: 'correct horse battery' },
  setSecretProvider: { scope: 'global', provider: { kind: 'doppler', project: 'shop', config: 'prd', token: 'dp.st.x' } },
  renewCertificate: { domain: 'shop.example.com' },
  importCertificate: {
    domain: 'shop.example.com',
    certificate: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
    key: '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n',
  },
};

export const goodParams: Record<string, string> = { name: 'shop' };
const IDS: Partial<Record<RouteName, string>> = { getRelease: 'r1', revokeToken: sampleToken.id };

export function pathFor(name: RouteName, params: Record<string, string> = goodParams): string {
  const filled: Record<string, string> = { id: IDS[name] ?? sampleOperation.id, domain: 'shop.example.com', ...params };
  return routes[name].path.replace(/:([a-z]+)/g, (_, key: string) => encodeURIComponent(filled[key] ?? ''));
}

/** What a query has to have. */
const queries: Partial<Record<RouteName, Record<string, string>>> = {
  removeSecret: { scope: 'app', app_name: 'shop', name: 'TOKEN' },
  removeSecretProvider: { scope: 'global' },
};

export function queryFor(name: RouteName, more: Record<string, string> = {}): string {
  const query = new URLSearchParams({ ...queries[name], ...more }).toString();
  return query === '' ? '' : `?${query}`;
}

/** `app_name`: of an app other than the one that the samples are about. */
export function goodRequest(name: RouteName, app_name = 'shop'): RawRequest {
  const route: Route = routes[name];
  const isNamed = queries[name]?.app_name !== undefined;
  const path = pathFor(name, { name: app_name }) + queryFor(name, isNamed ? { app_name } : {});
  if (route.kind === 'upload')
    return { method: route.method, path, body: 'raw', headers: { 'Content-Type': route.binary?.media_type ?? '' } };
  const body = bodies[name];
  const named = body !== undefined && 'app_name' in body ? { ...body, app_name } : body;
  return { method: route.method, path, body: named && JSON.stringify(named) };
}

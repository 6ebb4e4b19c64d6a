/** Which names the routes need certificates for. Pure. */
import type { CertificateSource } from '../contract/certificates.ts';
import type { ProxyType } from '../contract/names.ts';
import type { RouteModel } from '../engine/state.ts';

export interface CertificateUse {
  domain: string;
  /** Null: of a route to a port. */
  app_name: string | null;
  proxy: ProxyType;
  source: CertificateSource;
}

/** One for each name that is served with TLS; of a name that stands in several routes while an app moves, the last. */
export function usesOf(routes: readonly RouteModel[]): CertificateUse[] {
  const uses = new Map<string, CertificateUse>();
  for (const route of routes) {
    for (const { domain, tls } of namesOf(route)) {
      if (tls === 'off') continue;
      // A route to a port has a key with a dot in place of an app's name.
      const app_name = route.app_name.includes('.') ? null : route.app_name;
      const source = tls === 'import' ? 'imported' : route.proxy === 'caddy' ? 'caddy' : 'certbot';
      uses.set(domain, { domain, app_name, proxy: route.proxy, source });
    }
  }
  return [...uses.values()];
}

function namesOf({ sites, redirects }: RouteModel) {
  return [...sites.map(({ domain, tls }) => ({ domain, tls })), ...redirects.map(({ from, tls }) => ({ domain: from, tls }))];
}

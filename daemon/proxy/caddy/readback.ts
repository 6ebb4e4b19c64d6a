/** What a running Caddy says that it serves, from its JSON configuration (admin API, `GET /config/`). Pure. */
import type { RouteModel } from '../../engine/state.ts';

/** What is wrong, in a few words; null when Caddy serves the route exactly as wanted: its hosts and its upstreams. */
export function findDifference(config: unknown, route: RouteModel): string | null {
  const served = collect(config);
  const lacking = route.sites.find((site) => !served.hosts.has(site.domain));
  if (lacking) return `it does not serve ${lacking.domain}`;
  const upstream = [...route.upstreams.blue, ...route.upstreams.green].find((address) => !served.dials.has(address));
  return upstream ? `it does not know the upstream ${upstream}` : null;
}

/** What is wrong when the app is to have no route any more: its marker is still asked for. */
export function findLeftover(config: unknown, markerDirectory: string): string | null {
  return collect(config).roots.has(markerDirectory) ? 'it still serves the route' : null;
}

interface Served {
  roots: Set<string>;
  hosts: Set<string>;
  dials: Set<string>;
}

function collect(config: unknown, into: Served = { roots: new Set(), hosts: new Set(), dials: new Set() }): Served {
  if (Array.isArray(config)) for (const item of config) collect(item, into);
  else if (config !== null && typeof config === 'object') {
    for (const [key, value] of Object.entries(config)) {
      if (key === 'host' && Array.isArray(value)) for (const host of value) into.hosts.add(String(host));
      else if (key === 'root' && typeof value === 'string') into.roots.add(value);
      else if (key === 'dial' && typeof value === 'string') into.dials.add(value);
      else collect(value, into);
    }
  }
  return into;
}

/** What a running Caddy says that it serves, from its JSON configuration (admin API, `GET /config/`). Pure. */
import { GENERATION_HEADER } from '../generation.ts';

/** What is wrong, in a few words; null when Caddy runs with this generation of the app's file. */
export function findDifference(config: unknown, app: string, generation: string): string | null {
  return collect(config).generations.has(`${app} ${generation}`) ? null : 'it does not run with the new route';
}

/** What is wrong when the app is to have no route any more: its marker is still asked for. */
export function findLeftover(config: unknown, markerDirectory: string): string | null {
  return collect(config).roots.has(markerDirectory) ? 'it still serves the route' : null;
}

interface Served {
  roots: Set<string>;
  generations: Set<string>;
}

function collect(config: unknown, into: Served = { roots: new Set(), generations: new Set() }): Served {
  if (Array.isArray(config)) for (const item of config) collect(item, into);
  else if (config !== null && typeof config === 'object') {
    for (const [key, value] of Object.entries(config)) {
      if (key.toLowerCase() === GENERATION_HEADER && Array.isArray(value))
        for (const item of value) into.generations.add(String(item));
      else if (key === 'root' && typeof value === 'string') into.roots.add(value);
      else collect(value, into);
    }
  }
  return into;
}

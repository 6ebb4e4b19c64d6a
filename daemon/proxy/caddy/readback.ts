/** What a running Caddy says that it serves, from its JSON configuration (admin API, `GET /config/`). Pure. */

/** What is wrong, in a few words; null when Caddy runs with this generation of the app's route, or with none where null is wanted. */
export function findDifference(config: unknown, app: string, generation: string | null): string | null {
  const running = findGenerations(config, app);
  if (generation === null) return running.size === 0 ? null : 'it still serves the route';
  return running.has(generation) ? null : 'it does not run with the new route';
}

/** They stand in the tables of the sites that all apps share, and in a header of those that an app has to itself: `APP GENERATION`. */
function findGenerations(config: unknown, app: string, into = new Set<string>()): Set<string> {
  if (typeof config === 'string') {
    const [name, generation, ...more] = config.split(' ');
    if (name === app && generation !== undefined && more.length === 0 && /^[a-f0-9]{16}$/.test(generation)) into.add(generation);
  } else if (Array.isArray(config)) for (const item of config) findGenerations(item, app, into);
  else if (config !== null && typeof config === 'object')
    for (const item of Object.values(config)) findGenerations(item, app, into);
  return into;
}

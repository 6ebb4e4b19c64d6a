/** What the next deploy of an app takes over from the release that is live. Pure. */
import { compareConfigurations } from './compare.ts';
import { type AppConfiguration, configurationOf, deployRequestSchema } from './configuration.ts';
import type { Release } from './domain.ts';
import type { NextCoreMetadata } from './nextcore.ts';

/** What a build suggests to its deploy, used where the request says nothing. */
const SUGGESTED = ['health', 'ports'] as const;
type Suggested = (typeof SUGGESTED)[number];

const BARE = deployRequestSchema.parse({ app_name: 'app', image: 'app' });

/** Health and ports as a deploy decides them from what its build says of itself, or without a word of it by default. */
export function suggestedBy(nextcore: NextCoreMetadata | null): Pick<AppConfiguration, Suggested> {
  const request = nextcore === null ? BARE : { ...BARE, nextcore };
  const { health, ports } = configurationOf(request, { proxy: 'caddy', replicas: 1 });
  return { health, ports };
}

/**
 * The configuration that the next deploy asks for again. All of it, unless that deploy brings what its own build says of
 * itself: then health and ports that are just what the live release's build (or the default) suggested were chosen by
 * nobody, and are left to the new build. Without such a word they stay, for a default would be a worse guess.
 */
export function keptConfiguration(
  { configuration, nextcore }: Pick<Release, 'configuration' | 'nextcore'>,
  next: { hasNextCore: boolean },
): Omit<AppConfiguration, Suggested> & Partial<Pick<AppConfiguration, Suggested>> {
  if (!next.hasNextCore) return configuration;
  const suggested = { ...configuration, ...suggestedBy(nextcore) };
  const chosen = new Set(compareConfigurations(suggested, configuration).map(({ field }) => field));
  const { health, ports, ...rest } = configuration;
  return { ...rest, ...(chosen.has('health') && { health }), ...(chosen.has('ports') && { ports }) };
}

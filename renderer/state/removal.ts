import type { AppStatus, Release } from '../../daemon/contract/domain.ts';

/** What a removal deletes, a line each. */
export function whatGoes(app: AppStatus, releases: readonly Release[]): string[] {
  const redirects = releases.find(({ id }) => id === app.release)?.configuration.redirects ?? [];
  const names = [app.domain, ...app.aliases, ...redirects.map(({ from }) => from)].filter((name) => name !== null);
  const count = releases.length === 1 ? 'its only release' : `all ${releases.length} releases`;
  return [
    app.replicas === 1 ? 'its running container' : `its containers (${app.replicas} running)`,
    `${releases.length === 0 ? 'its releases' : count}, with configuration and environment, and its own secrets`,
    ...(names.length === 0 ? [] : [`its route: ${names.join(', ')} ${names.length === 1 ? 'answers' : 'answer'} no more`]),
  ];
}

/** What a removal leaves on the host, a line each. */
export function whatStays(releases: readonly Release[]): string[] {
  const volumes = releases.flatMap(({ configuration }) => configuration.volumes);
  const named = [...new Set(volumes.flatMap((volume) => (volume.kind === 'volume' ? [volume.name] : [])))];
  const bound = [...new Set(volumes.flatMap((volume) => (volume.kind === 'bind' ? [volume.source] : [])))];
  return [
    named.length === 0
      ? 'named volumes (its releases have none)'
      : `the named ${named.length === 1 ? 'volume' : 'volumes'} ${named.join(', ')}`,
    ...(bound.length === 0 ? [] : [`the host’s ${bound.length === 1 ? 'directory' : 'directories'} ${bound.join(', ')}`]),
    'its images, until they are removed by hand',
    'the record of its operations and events',
  ];
}

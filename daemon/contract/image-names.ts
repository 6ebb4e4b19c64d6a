/** Names of images as Docker reads them (github.com/distribution/reference, `ParseNormalizedNamed`). Pure. */

export interface ImageName {
  /** The registry that has it: `registry.example.com:5000`, or `docker.io` for a name without one. */
  host: string;
  /** As Docker lists it, without tag and digest: `shop`, `acme/shop`, `registry.example.com:5000/shop`. */
  repository: string;
  tag: string | null;
  digest: string | null;
}

const DEFAULT_HOST = 'docker.io';

/** A name without tag and digest means `latest`. The reference has passed the contract. */
export function parseReference(reference: string): ImageName {
  const [named = '', digest = null] = reference.split('@');
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const path = hasTag ? named.slice(0, colon) : named;
  const { host, repository } = splitHost(path);
  const tag = hasTag ? named.slice(colon + 1) : digest === null ? 'latest' : null;
  return { host, repository, tag, digest };
}

/** `shop:v1` for whatever means that: `docker.io/library/shop:v1` is the same image. Null without a tag. */
export function tagName({ repository, tag }: ImageName): string | null {
  return tag === null ? null : `${repository}:${tag}`;
}

/** Whether Docker lists this name of an image because of that reference; a digest belongs to whom its repository belongs. */
export function isNamedBy(listed: string, reference: string): boolean {
  const [one, other] = [parseReference(listed), parseReference(reference)];
  return one.repository === other.repository && (one.tag === null || one.tag === other.tag);
}

function splitHost(path: string): { host: string; repository: string } {
  const [first = '', ...rest] = path.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  const host = isHost ? first.replace(/^index\.docker\.io$/, DEFAULT_HOST) : DEFAULT_HOST;
  if (host !== DEFAULT_HOST) return { host, repository: path };
  const remainder = isHost ? rest.join('/') : path;
  return { host, repository: remainder.replace(/^library\/(?=[^/]+$)/, '') };
}

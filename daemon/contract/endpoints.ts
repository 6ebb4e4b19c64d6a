/** Addresses that the daemon is told to send credentials to. Pure. */
import { isLoopback } from './rules.ts';

/** What keeps it from being one, as words for its field; null: nothing. */
export function endpointProblem(text: string): string | null {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    return 'use an address such as https://api.example.com';
  const host = hostOf(url);
  if (url.username !== '' || url.password !== '') return 'leave user and password out of it';
  if (url.search !== '' || url.hash !== '') return 'leave out what comes after ? and #';
  if (isLinkLocal(host)) return LINK_LOCAL;
  if (url.protocol === 'http:' && !isLoopback(host)) return 'use https; http is for this server itself alone';
  return null;
}

export const LINK_LOCAL = 'a link-local address is that of a cloud’s metadata, not of a provider';

/** Without the brackets of IPv6. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/** RFC 3927, RFC 4291 §2.5.6, also mapped to IPv6 (§2.5.5.2); and fd00:ec2::/32, where Amazon's metadata answers. An address, not a name. */
export function isLinkLocal(address: string): boolean {
  return /^(::ffff:)?169\.254\.|^::ffff:a9fe:|^fe[89ab][0-9a-f]:|^fd00:0?ec2:/i.test(address);
}

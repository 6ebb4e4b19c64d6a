import type { Certificate, CertificateFacts, CertificateSource, CertificateState } from '../../daemon/contract/certificates.ts';

/** Worst first: what visitors meet, then what they will. */
const ORDER: CertificateState[] = ['expired', 'missing', 'mismatched', 'unreachable', 'expiring', 'pending', 'ok'];

/** What needs somebody first, then what ends first. */
export const inOrderOfNeed = (certificates: readonly Certificate[]): Certificate[] =>
  certificates.toSorted(
    (a, b) =>
      ORDER.indexOf(a.state) - ORDER.indexOf(b.state) ||
      (factsOf(a)?.not_after ?? '').localeCompare(factsOf(b)?.not_after ?? '') ||
      a.domain.localeCompare(b.domain),
  );

/** What visitors get, or what is kept for them where they get nothing. */
export const factsOf = ({ served, stored }: Certificate): CertificateFacts | null => served ?? stored;

/** How much of a certificate's lifetime is left, from 0 to 1. */
export function lifeLeft({ not_before, not_after }: CertificateFacts, now_ms: number): number {
  const [from_ms, to_ms] = [Date.parse(not_before), Date.parse(not_after)];
  return to_ms <= from_ms ? 0 : Math.min(1, Math.max(0, (to_ms - now_ms) / (to_ms - from_ms)));
}

const DAY_MS = 24 * 60 * 60_000;

/** `62 days left`, `5 hours left`, `expired 3 days ago`. */
export function leftText({ not_after }: CertificateFacts, now_ms: number): string {
  const left_ms = Date.parse(not_after) - now_ms;
  const days = Math.floor(Math.abs(left_ms) / DAY_MS);
  const count = days === 1 ? '1 day' : `${days} days`;
  if (left_ms <= 0) return days === 0 ? 'expired today' : `expired ${count} ago`;
  const hours = Math.floor(left_ms / 3_600_000);
  return days > 0 ? `${count} left` : hours === 1 ? '1 hour left' : `${hours} hours left`;
}

export const SOURCE_TEXT: Record<CertificateSource, string> = {
  caddy: 'by Caddy',
  certbot: 'by certbot',
  imported: 'imported',
};

/** `Let's Encrypt R11` of `CN=R11,O=Let's Encrypt,C=US`: the parts that tell authorities apart. */
export function issuerText(issuer: string): string {
  const parts = issuer.split(/[,\n]/).map((part) => part.trim().split('=', 2));
  const part = (name: string) => parts.find(([key]) => key?.toUpperCase() === name)?.[1] ?? '';
  const text = [part('O'), part('CN')].filter((each, index, all) => each !== '' && all.indexOf(each) === index).join(' ');
  return text === '' ? issuer : text;
}

/** Those of an app: of each name that it is reached by. */
export const certificatesOf = (certificates: readonly Certificate[], app: string, names: readonly string[]): Certificate[] =>
  inOrderOfNeed(certificates.filter((each) => each.app_name === app || names.includes(each.domain)));

/** How many need somebody. */
export const countInNeed = (certificates: readonly Certificate[]): number =>
  certificates.filter(({ state }) => state !== 'ok' && state !== 'pending').length;

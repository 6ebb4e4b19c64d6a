/** Certificates as a table. Pure. */
import type { Certificate } from '../contract/certificates.ts';
import { elidedTable } from './format.ts';

const none = '-';

/** What is wrong is told beneath the table, where it has room. */
export function certificateTable(certificates: readonly Certificate[], columns: number): string {
  if (certificates.length === 0) return 'No domain is served with TLS yet.';
  const rows = certificates.map((certificate) => [
    certificate.domain,
    certificate.app_name ?? none,
    certificate.state,
    days(certificate),
    sourceWords(certificate),
    certificate.next_renewal_at?.slice(0, 10) ?? none,
    (certificate.served ?? certificate.stored)?.issuer ?? none,
  ]);
  const { text } = elidedTable(['DOMAIN', 'APP', 'STATE', 'LEFT', 'FROM', 'RENEWED', 'ISSUER'], rows, columns);
  const troubles = certificates.filter(({ state }) => state !== 'ok').map(({ domain, detail }) => `${domain}: ${detail}`);
  return [text, ...troubles].join('\n');
}

function days({ served, stored }: Certificate): string {
  const facts = served ?? stored;
  if (facts === null) return none;
  return Math.abs(facts.days_left) < 2 ? `${Math.round(facts.days_left * 24)} h` : `${Math.floor(facts.days_left)} d`;
}

function sourceWords({ source, proxy }: Certificate): string {
  return proxy === null || source === 'caddy' ? source : `${source}, ${proxy}`;
}

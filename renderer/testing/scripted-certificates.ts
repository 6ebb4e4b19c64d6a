import type { Certificate, CertificateFacts } from '../../daemon/contract/certificates.ts';
import type { RouteBody } from '../../daemon/contract/routes.ts';
import { Refusal } from './scripted-bridge.ts';
import { ago, DAY_MS, HOUR_MS, imageId, type WorldHost } from './world.ts';

const LETS_ENCRYPT = "C=US, O=Let's Encrypt, CN=R11";

function facts(domain: string, left_ms: number, part: Partial<CertificateFacts> & { life_ms?: number } = {}): CertificateFacts {
  const { life_ms = 90 * DAY_MS, ...given } = part;
  return {
    fingerprint: imageId(`${domain} ${left_ms}`).slice(7),
    subject: `CN=${domain}`,
    issuer: LETS_ENCRYPT,
    names: [domain],
    not_before: ago(life_ms - left_ms),
    not_after: ago(-left_ms),
    days_left: left_ms / DAY_MS,
    ...given,
  };
}

function certificate(domain: string, left_ms: number, part: Partial<Certificate> = {}): Certificate {
  const same = facts(domain, left_ms);
  return {
    ...{ domain, app_name: null, proxy: 'caddy', source: 'caddy', state: 'ok', detail: '', served: same, stored: same },
    next_renewal_at: ago(-Math.max(HOUR_MS, left_ms - 30 * DAY_MS)),
    ...{ last_attempt: { at: ago(90 * DAY_MS - left_ms), ok: true, message: 'obtained' }, checked_at: ago(20_000) },
    ...part,
  };
}

/** One of every state, and each kind of who obtains it. */
export function busyCertificates(): Certificate[] {
  const wildcard = facts('*.example.com', 200 * DAY_MS, {
    ...{ issuer: 'C=DE, O=Example Corporation, CN=Example Issuing CA for Internal Services 3', life_ms: 365 * DAY_MS },
    names: ['*.example.com', 'example.com', 'intranet.example.com'],
  });
  const long = 'very-long-name-of-a-preview-environment-for-the-checkout-team.staging.eu-central-1.example.com';
  return [
    certificate('shop.example.com', 62 * DAY_MS, { app_name: 'shop' }),
    certificate('www.shop.example.com', 4 * DAY_MS + HOUR_MS, {
      ...{ app_name: 'shop', state: 'expiring' },
      detail: 'It expires in 4 days and could not be renewed; let port 80 of this server be reached from the internet.',
      next_renewal_at: ago(-HOUR_MS),
      last_attempt: {
        ...{ at: ago(3 * HOUR_MS), ok: false },
        message: 'The authority could not reach http://www.shop.example.com/.well-known/acme-challenge/: connection timed out.',
      },
    }),
    certificate('docs.example.com', -2 * DAY_MS, {
      ...{ app_name: 'docs', proxy: 'nginx', source: 'imported', state: 'expired', next_renewal_at: null, last_attempt: null },
      detail: 'It has expired, and browsers refuse the site; import a new one.',
    }),
    certificate('blog.example.com', 50 * DAY_MS, {
      ...{ app_name: 'blog', proxy: 'nginx', source: 'certbot', state: 'mismatched' },
      served: facts('blog.example.com', 12 * DAY_MS),
      detail: 'nginx serves an older certificate than is kept; check what else listens on port 443, then renew it.',
    }),
    certificate(long, 0, {
      ...{ state: 'pending', served: null, stored: null, next_renewal_at: ago(-60_000), last_attempt: null },
      detail: 'Caddy is obtaining it; that takes up to a minute once the name leads here.',
    }),
    certificate('grafana.example.com', 200 * DAY_MS, {
      ...{ source: 'imported', served: wildcard, stored: wildcard, next_renewal_at: null, last_attempt: null },
    }),
    certificate('old.example.com', 20 * DAY_MS, {
      ...{ proxy: null, source: 'imported', state: 'missing', served: null, next_renewal_at: null, last_attempt: null },
      detail: 'It is kept and served by no route; give a route to it, or remove it.',
    }),
    certificate('api.example.com', 70 * DAY_MS, {
      ...{ proxy: 'nginx', source: 'certbot', state: 'unreachable', served: null },
      detail:
        'nginx accepts no connection on port 443; start it (`systemctl start nginx`) and check that nothing else has the port.',
    }),
  ];
}

const find = (world: WorldHost, domain: string) => world.certificates.find((each) => each.domain === domain);

function put(world: WorldHost, changed: Certificate): Certificate {
  world.certificates = [...world.certificates.filter(({ domain }) => domain !== changed.domain), changed];
  return changed;
}

/** As the daemon answers `POST /certs/renew`; what could not be reached cannot be now. */
export function renewCertificate(world: WorldHost, { domain }: RouteBody<'renewCertificate'>): Certificate {
  const held = find(world, domain);
  if (held === undefined) throw new Refusal({ code: 'not_found', message: `There is no certificate of ${domain}.` });
  if (held.last_attempt?.ok === false) {
    put(world, { ...held, last_attempt: { ...held.last_attempt, at: ago(0) } });
    throw new Refusal({ code: 'unprocessable', message: held.last_attempt.message });
  }
  const made = certificate(domain, 90 * DAY_MS, { app_name: held.app_name, proxy: held.proxy, source: held.source });
  return put(world, made);
}

/** As the daemon answers `POST /certs/import`; a key that says so does not fit. */
export function importCertificate(world: WorldHost, { domain, key }: RouteBody<'importCertificate'>): Certificate {
  if (key.includes('OTHER')) {
    const message = 'it is not the key of this certificate; choose the one that the certificate was requested with';
    const details = [{ field: 'key', message }];
    throw new Refusal({ code: 'unprocessable', message: `Field "key" is not valid: ${message}.`, details });
  }
  const held = find(world, domain);
  const none = { next_renewal_at: null, last_attempt: null };
  const part = { app_name: held?.app_name ?? null, proxy: held?.proxy ?? null, source: 'imported' as const, ...none };
  const state = held === undefined ? ('missing' as const) : ('ok' as const);
  const detail = held === undefined ? 'It is kept and served by no route; give a route to it.' : '';
  return put(world, certificate(domain, 365 * DAY_MS, { ...part, state, detail }));
}

/** As the daemon answers `DELETE /certs/:domain`. */
export function removeCertificate(world: WorldHost, domain: string): { domain: string } {
  if (find(world, domain)?.proxy != null) {
    throw new Refusal({ code: 'conflict', message: `A route serves the certificate of ${domain}; give it another first.` });
  }
  world.certificates = world.certificates.filter((each) => each.domain !== domain);
  return { domain };
}

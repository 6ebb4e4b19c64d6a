import { DEFAULTS } from '../../daemon/contract/limits.ts';
import type { SecretProvider } from '../../daemon/contract/secret-providers.ts';
import type { Secret, SecretOwner, SecretPin } from '../../daemon/contract/secrets.ts';
import { secret } from './scripted-secrets.ts';
import { ago, DAY_MS, HOUR_MS, MINUTE_MS } from './world.ts';

const GLOBAL: SecretOwner = { scope: 'global' };
const STOREFRONT: SecretOwner = { scope: 'project', project: 'storefront' };
const SHOP: SecretOwner = { scope: 'app', app_name: 'shop' };

/** What a shop has by the time it has run for a year: rotated keys, one set too wide, one set for an app to come. */
export const busySecrets = (): Secret[] => [
  secret(GLOBAL, 'LOG_TOKEN', [['lt-1', 212 * DAY_MS, 'admin']]),
  secret(GLOBAL, 'SENTRY_DSN', [
    ['https://2@sentry.example.com', 31 * DAY_MS, 'anna'],
    ['https://1@sentry.example.com', 212 * DAY_MS, 'admin'],
  ]),
  secret(STOREFRONT, 'SEARCH_KEY', [['search-1', 90 * DAY_MS, 'anna']], 'doppler'),
  secret(
    STOREFRONT,
    'SMTP_PASSWORD',
    [
      ['smtp-2', 18 * MINUTE_MS, 'anna'],
      ['smtp-1', 90 * DAY_MS, 'anna'],
    ],
    'doppler',
  ),
  secret(STOREFRONT, 'STRIPE_KEY', [['sk_test_1', 90 * DAY_MS, 'anna']]),
  secret({ scope: 'app', app_name: 'docs' }, 'ALGOLIA_ADMIN_KEY', [['alg-1', 44 * DAY_MS, 'ci']]),
  secret({ scope: 'app', app_name: 'newsletter' }, 'MAILGUN_KEY', [['mg-1', 5 * HOUR_MS, 'anna']]),
  secret(SHOP, 'NEXT_SERVER_ACTIONS_ENCRYPTION_KEY', [['nsa-1', 200 * DAY_MS, 'admin']]),
  secret(SHOP, 'SESSION_SECRET', [
    ['session-2', 18 * MINUTE_MS, 'anna'],
    ['session-3', 40 * DAY_MS, 'ci'],
    ['session-2', 41 * DAY_MS, 'anna'],
    ['session-1', 200 * DAY_MS, 'admin'],
  ]),
  secret(SHOP, 'SIGNING_KEY', [['sign-1', 17 * MINUTE_MS, 'anna']]),
  secret(SHOP, 'STRIPE_KEY', [
    ['sk_live_5', 26 * HOUR_MS, 'anna'],
    ['sk_live_4', 30 * DAY_MS, 'ci'],
    ['sk_live_3', 61 * DAY_MS, 'ci'],
    ['sk_live_2', 92 * DAY_MS, 'ci'],
    ['sk_live_1', 200 * DAY_MS, 'admin'],
  ]),
];

/** One that answers, one whose credentials have ended, and one that nobody has asked yet. */
export const busyProviders = (): SecretProvider[] => [
  {
    ...{ scope: 'app', project: null, app_name: 'shop' },
    provider: { kind: 'aws_ssm', region: 'eu-central-1', path: '/shop/production', credentials: 'keys' },
    ...{ set_at: ago(40 * DAY_MS), set_by: 'ci', pulled_at: ago(26 * HOUR_MS) },
    last_failure: {
      at: ago(18 * MINUTE_MS),
      message:
        'The secrets of the app shop cannot be pulled: AWS does not accept the credentials (ExpiredTokenException); set the provider again with new ones.',
    },
  },
  {
    ...{ scope: 'global', project: null, app_name: null },
    provider: { kind: 'age', file: '/etc/nextdeploy/age/common-for-all-apps-of-this-server.env.age' },
    ...{ set_at: ago(3 * HOUR_MS), set_by: 'anna', pulled_at: null, last_failure: null },
  },
  {
    ...{ scope: 'project', project: 'storefront', app_name: null },
    provider: { kind: 'doppler', project: 'storefront', config: 'prd', endpoint: DEFAULTS.doppler_endpoint },
    ...{ set_at: ago(90 * DAY_MS), set_by: 'anna', pulled_at: ago(18 * MINUTE_MS), last_failure: null },
  },
];

const pin = (owner: SecretOwner, name: string, version: number): SecretPin => {
  const { scope, project, app_name } = secret(owner, name, [['', 0, '']]);
  return { scope, project, app_name, name, version };
};

/** What the releases of the shop run with: the newest is a step behind what is set now. */
export const shopPins = (number: number): SecretPin[] => [
  ...(number > 11 ? [pin(GLOBAL, 'FEATURE_TOKEN', 1)] : []),
  pin(GLOBAL, 'LOG_TOKEN', 1),
  pin(GLOBAL, 'SENTRY_DSN', number > 8 ? 2 : 1),
  pin(STOREFRONT, 'SEARCH_KEY', 1),
  pin(STOREFRONT, 'SMTP_PASSWORD', 1),
  pin(SHOP, 'NEXT_SERVER_ACTIONS_ENCRYPTION_KEY', 1),
  pin(SHOP, 'SESSION_SECRET', 3),
  number > 6 ? pin(SHOP, 'STRIPE_KEY', number > 11 ? 5 : 4) : pin(STOREFRONT, 'STRIPE_KEY', 1),
];

/** What the manual runs with, which is all that it is given. */
export const docsPins = (): SecretPin[] => [
  pin(GLOBAL, 'LOG_TOKEN', 1),
  pin(GLOBAL, 'SENTRY_DSN', 2),
  pin({ scope: 'app', app_name: 'docs' }, 'ALGOLIA_ADMIN_KEY', 1),
];

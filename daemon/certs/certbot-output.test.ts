import { describe, expect, it } from 'vitest';
import { explainCertbot } from './certbot-output.ts';

const END =
  'Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile /x/letsencrypt.log or re-run.\n';

describe('what certbot says of a failure', () => {
  it.each<[string, string, { message: RegExp; is_rate_limited?: boolean; retry_after?: Date | null }]>([
    [
      'a challenge',
      `Saving debug log to /x\nRequesting a certificate for a.example.com\n
Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported these problems:
  Domain: a.example.com
  Type:   unauthorized
  Detail: 192.0.2.1: Invalid response from http://a.example.com/.well-known/acme-challenge/x: 404

Hint: The Certificate Authority failed to download the temporary challenge files.\n\nSome challenges have failed.\n${END}`,
      { message: /^192\.0\.2\.1: Invalid response from .*: 404\. Check that its DNS points here and that port 80 is open\.$/ },
    ],
    [
      'DNS',
      `  Domain: a.example.com\n  Type:   dns\n  Detail: DNS problem: NXDOMAIN looking up A for a.example.com\n`,
      { message: /NXDOMAIN.*\. Check the DNS records of the name\.$/ },
    ],
    [
      'a limit with an end',
      `An unexpected error occurred:\nError creating new order :: too many certificates (5) already issued for this exact set of domains in the last 168h0m0s: a.example.com, retry after 2026-12-01 10:00:00 UTC: see https://letsencrypt.org/docs/rate-limits/\n${END}`,
      { message: /^The authority limits requests: /, is_rate_limited: true, retry_after: new Date('2026-12-01T10:00:00Z') },
    ],
    [
      'a limit without one',
      `An unexpected error occurred:\nThere were too many requests of a given type :: Service busy; retry later.\n${END}`,
      { message: /^The authority limits requests: /, is_rate_limited: true, retry_after: null },
    ],
    [
      'an authority that is down',
      `Saving debug log to /x\nAn unexpected error occurred:\nValueError: Requesting localhost/dir: Connection refused\n${END}`,
      {
        message:
          /^The authority does not answer \(ValueError: Requesting localhost\/dir: Connection refused\)\. What is served stays/,
      },
    ],
    [
      'something else',
      `Saving debug log to /x\nunrecognized arguments: --odd\n`,
      { message: /^unrecognized arguments: --odd\.$/ },
    ],
    ['nothing', '', { message: /^certbot said nothing\.$/ }],
  ])('is told of %s', (_, output, { message, is_rate_limited = false, retry_after = null }) => {
    const told = explainCertbot(output, '');
    expect(told.message).toMatch(message);
    expect(told).toMatchObject({ is_rate_limited, retry_after });
  });

  it('is what the authority answered, where certbot itself stumbles over that', () => {
    const output = `Saving debug log to /x\nAn unexpected error occurred:\nAttributeError: can't set attribute\n${END}`;
    const answer = (type: string, detail: string) =>
      `DEBUG:acme.client:Received response:\nHTTP 400\n\n{\n  "type": "urn:ietf:params:acme:error:${type}",\n  "detail": ${JSON.stringify(detail)},\n  "status": 429\n}\n`;
    const log =
      answer('rateLimited', 'too many "certificates", retry after 2026-12-01 10:00:00 UTC') + answer('badNonce', 'stale');
    expect(explainCertbot(output, log)).toEqual({
      message: 'The authority limits requests: too many "certificates", retry after 2026-12-01 10:00:00 UTC.',
      is_rate_limited: true,
      retry_after: new Date('2026-12-01T10:00:00Z'),
    });
    expect(explainCertbot(output, '').message).toBe("AttributeError: can't set attribute.");
  });
});

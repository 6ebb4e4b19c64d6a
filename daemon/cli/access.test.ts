import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { SAMPLE_TOKEN_TEXT, sampleAuditEntry, sampleToken } from '../api/test-server.ts';
import type { AuditEntry, Token } from '../contract/access.ts';
import { auditCsv } from './access-views.ts';
import { nextdeploy } from './test-command.ts';

describe('tokens create', () => {
  it('prints the token alone on standard output, and what it is for beside it', async () => {
    const { code, out, err, calls } = await nextdeploy([
      'tokens',
      'create',
      'ci',
      '--role',
      'operator',
      '--app',
      'shop',
      '--app',
      'docs',
    ]);
    expect({ code, out }).toEqual({ code: 0, out: `${SAMPLE_TOKEN_TEXT}\n` });
    expect(err).toContain('ci: operator of shop; does not expire. Keep the token now');
    expect(err).not.toContain(SAMPLE_TOKEN_TEXT);
    expect(calls.map(({ name, request }) => [name, request.body])).toEqual([
      ['createToken', { name: 'ci', role: 'operator', apps: ['shop', 'docs'] }],
    ]);
  });

  it('gives all of it as JSON', async () => {
    const { out } = await nextdeploy(['tokens', 'create', 'ci', '--role', 'viewer', '--json']);
    expect(JSON.parse(out)).toEqual({ ...sampleToken, token: SAMPLE_TOKEN_TEXT });
  });

  it('takes an end as a duration or as a time', async () => {
    const endOf = async (expires: string) => {
      const { calls } = await nextdeploy(['tokens', 'create', 'ci', '--role', 'viewer', '--expires', expires]);
      return (calls[0]!.request.body as { expires_at: string }).expires_at;
    };
    expect(await endOf('2099-01-02T03:04:05Z')).toBe('2099-01-02T03:04:05Z');
    const days = (Date.parse(await endOf('90d')) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(89.9);
    expect(days).toBeLessThanOrEqual(90);
  });

  it.each([
    [['tokens', 'create', 'ci'], "required option '--role <role>' not specified"],
    [['tokens', 'create', 'ci', '--role', 'root'], 'Allowed choices are viewer, operator, admin'],
    [['tokens', 'create', 'CI', '--role', 'viewer'], 'Field "name" is not valid'],
    [['tokens', 'create', 'ci', '--role', 'admin', '--app', 'shop'], 'an administrator cannot be limited to apps'],
    [['tokens', 'create', 'ci', '--role', 'viewer', '--expires', 'soon'], '--expires takes a duration such as'],
    [['tokens', 'create', 'ci', '--role', 'viewer', '--expires', '999999999d'], '--expires takes a duration such as'],
    [['audit', '--since', 'yesterday'], '--since takes a duration such as'],
    [['audit', '--result', 'odd'], 'Allowed choices are ok, refused'],
    [['audit', '--actor', 'a b'], 'use admin, anonymous or token: with a name'],
    [['audit', '--csv', '--json'], 'Use --csv or --json, not both.'],
  ])('of %j ends with 2 and says %j', async (args, message) => {
    expect(await nextdeploy(args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(message) });
  });
});

describe('tokens list', () => {
  it('says what each token is for and whether it is live', async () => {
    const tokens: Token[] = [
      { ...sampleToken, last_used_at: new Date().toISOString(), expires_at: new Date(Date.now() + 50 * 3_600_000).toISOString() },
      {
        ...sampleToken,
        name: 'old',
        state: 'revoked',
        apps: null,
        revoked_at: new Date().toISOString(),
        revoked_by: 'token:boss',
      },
    ];
    const { out } = await nextdeploy(['tokens', 'list'], { handlers: { listTokens: async () => tokens } });
    expect(out.split('\n')[1]).toMatch(
      /^ci +operator +shop +live, expires in 2 d +0 s ago +\d+ d ago by admin +tok-0123456789ab$/,
    );
    expect(out.split('\n')[2]).toMatch(/^old +operator +all +revoked 0 s ago by token:boss +never/);
    expect((await nextdeploy(['tokens', 'list'], { handlers: { listTokens: async () => [] } })).out).toContain('tokens create');
    expect(JSON.parse((await nextdeploy(['tokens', 'list', '--json'])).out)).toEqual([sampleToken]);
  });
});

describe('tokens revoke', () => {
  const answering = (answer: string) => Object.assign(Readable.from([answer]), { isTTY: true });
  const ended: Token = { ...sampleToken, id: 'tok-older000000', state: 'revoked' };
  const handlers = { listTokens: async () => [ended, sampleToken] };

  it('asks, and revokes the live token of that name', async () => {
    const refused = await nextdeploy(['tokens', 'revoke', 'ci'], { handlers, stdin: answering('y\n') });
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('Nothing was revoked: the answer was not ci') });
    expect(refused.calls.map(({ name }) => name)).toEqual(['listTokens']);
    const revoked = await nextdeploy(['tokens', 'revoke', 'ci'], { handlers, stdin: answering('ci\n') });
    expect(revoked).toMatchObject({ code: 0, out: expect.stringContaining('ci is revoked') });
    expect(revoked.calls.at(-1)).toMatchObject({ name: 'revokeToken', request: { params: { id: sampleToken.id } } });
  });

  it('does not ask with --yes, takes an id, and says what is not there', async () => {
    const byId = await nextdeploy(['tokens', 'revoke', ended.id, '--yes'], { handlers });
    expect(byId.calls.at(-1)).toMatchObject({ name: 'revokeToken', request: { params: { id: ended.id } } });
    expect(await nextdeploy(['tokens', 'revoke', 'nobody', '--yes'], { handlers })).toMatchObject({ code: 4 });
    expect(await nextdeploy(['tokens', 'revoke', 'ci'], { handlers })).toMatchObject({
      code: 2,
      err: expect.stringContaining('--yes'),
    });
  });
});

describe('audit', () => {
  it('shows a table, and asks for what the flags say', async () => {
    const args = [
      '--actor',
      'token:ci',
      '--app',
      'shop',
      '--action',
      'deploy',
      '--result',
      'ok',
      '--since',
      '2h',
      '--limit',
      '5',
    ];
    const { out, calls } = await nextdeploy(['audit', ...args]);
    expect(out.split('\n')[1]).toMatch(/^2026-01-02T03:04:05\.678Z +token:ci +deploy +shop +202 +Depl/);
    expect(calls[0]?.request.query).toMatchObject({
      actor: 'token:ci',
      app_name: 'shop',
      action: 'deploy',
      result: 'ok',
      limit: 5,
    });
    const since = (calls[0]!.request.query as { since: string }).since;
    expect(Math.abs(Date.now() - 2 * 3_600_000 - Date.parse(since))).toBeLessThan(60_000);
    const none = await nextdeploy(['audit'], { handlers: { listAudit: async () => [] } });
    expect(none.out).toContain('There is nothing of that kind');
  });

  it('exports all pages, a line an entry', async () => {
    const all: AuditEntry[] = Array.from({ length: 2_500 }, (_, index) => ({ ...sampleAuditEntry, seq: 2_500 - index }));
    const handlers = {
      listAudit: async ({ query }: { query: { before?: number | undefined; limit: number } }) =>
        all.filter(({ seq }) => seq < (query.before ?? Number.POSITIVE_INFINITY)).slice(0, query.limit),
    };
    const json = await nextdeploy(['audit', '--json'], { handlers });
    expect(
      json.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as AuditEntry),
    ).toEqual(all);
    const csv = (await nextdeploy(['audit', '--csv', '--limit', '1500'], { handlers })).out.trim().split('\n');
    expect(csv).toHaveLength(1_501);
    expect(csv[0]).toMatch(/^seq,ts,actor,/);
    expect(csv[1]).toBe(
      '2500,2026-01-02T03:04:05.678Z,token:ci,operator,tok-0123456789ab,socket,deploy,POST,/deploy,shop,op-0123456789ab,202,,Deploying shop (op-0123456789ab).,1',
    );
  });

  it('quotes cells of CSV, and gives none that a spreadsheet would calculate', () => {
    expect(auditCsv({ ...sampleAuditEntry, message: 'a "b", c\nd' })).toContain(',"a ""b"", c\nd",');
    expect(auditCsv({ ...sampleAuditEntry, message: '=HYPERLINK("x")' })).toContain(`,"'=HYPERLINK(""x"")",`);
  });
});

import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../daemon/contract/limits.ts';
import { busyAudit } from '../testing/busy-access.ts';
import { ANY_AUDIT, AUDIT_ACTIONS, actionText, auditCsv, auditJsonLines, auditQuery, collectAudit } from './audit.ts';

const NOW = Date.parse('2026-11-28T12:00:00.000Z');
const query = (part: Partial<typeof ANY_AUDIT>) => auditQuery({ ...ANY_AUDIT, ...part }, NOW);

describe('a filter of the audit log', () => {
  it('asks for everything until something is said', () => {
    expect(query({})).toEqual({ query: {} });
    expect(query({ actor: ' token:ci ', app_name: 'shop', action: 'swap', result: 'refused', time: 'day' })).toEqual({
      query: {
        ...{ actor: 'token:ci', app_name: 'shop', action: 'swap', result: 'refused' },
        since: '2026-11-27T12:00:00.000Z',
      },
    });
  });

  it('takes a range that is open at either side, and says what is wrong with it', () => {
    const since = new Date(2026, 10, 1, 8, 30);
    expect(query({ time: 'range', since: '2026-11-01T08:30' })).toEqual({ query: { since: since.toISOString() } });
    expect(query({ time: 'range' })).toEqual({ query: {} });
    expect(query({ time: 'range', since: '2026-11-02T00:00', until: '2026-11-01T00:00' })).toEqual({
      errors: { until: 'It lies before the beginning' },
    });
    expect(query({ actor: 'Anna!' })).toEqual({ errors: { actor: expect.stringContaining('token:') } });
    expect(query({ app_name: 'Shop' })).toHaveProperty('errors.app_name');
  });
});

it('offers every action that is logged, in words', () => {
  expect(actionText('syncSecrets')).toBe('Sync secrets');
  const names = AUDIT_ACTIONS.map(({ value }) => value);
  expect(names).toContain('createToken');
  expect(names).not.toContain('listTokens');
});

describe('an export', () => {
  const [entry] = busyAudit();
  it('quotes what would break a line, and leaves a spreadsheet no formula', () => {
    const nasty = { ...entry!, message: '=HYPERLINK("http://x"), "two"\nlines', actor: '@x' }; // busyAudit is not empty
    const csv = auditCsv([nasty]);
    expect(csv.split('\r\n')[0]).toMatch(/^seq,ts,actor,role,/);
    expect(csv).toContain(`"'=HYPERLINK(""http://x""), ""two""\nlines"`);
    expect(csv).toContain(",'@x,");
    expect(csv.endsWith('\r\n')).toBe(true);
    expect(JSON.parse(auditJsonLines([nasty]).trim())).toEqual(nasty);
  });

  it('holds every page that a query finds, and asks no further', async () => {
    const all = Array.from({ length: 2 * LIMITS.audit_page_max + 3 }, (_, index) => ({ ...entry!, seq: 9_000 - index })); // as above
    const asked: unknown[] = [];
    const counts: number[] = [];
    const read = async (page: { before?: unknown; limit?: unknown }) => {
      asked.push(page);
      const before = Number(page.before ?? Number.POSITIVE_INFINITY);
      return all.filter(({ seq }) => seq < before).slice(0, Number(page.limit));
    };
    const found = await collectAudit(read, { result: 'ok' }, (count) => counts.push(count));
    expect(found).toEqual(all);
    expect(counts).toEqual([1_000, 2_000, 2_003]);
    expect(asked[1]).toEqual({ result: 'ok', limit: 1_000, before: 8_001 });
  });
});

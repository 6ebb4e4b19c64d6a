import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { DaemonClient } from '../api/client.ts';
import { type EventFlags, showEvents } from './events.ts';
import type { Terminal } from './terminal.ts';

/** The queries of the requests that these flags lead to. */
async function asked(flags: Partial<EventFlags>): Promise<unknown[]> {
  const queries: unknown[] = [];
  const call = async (_name: string, { query }: { query: unknown }) => {
    queries.push(query);
    return [];
  };
  const terminal = { stdout: new PassThrough(), stderr: new PassThrough() } as unknown as Terminal;
  await showEvents({ call } as unknown as DaemonClient, { tail: '50', json: false, ...flags }, terminal);
  return queries;
}

describe('showEvents', () => {
  it('asks for no more than it shows', async () => {
    expect(await asked({})).toEqual([{ limit: 50 }]);
    expect(await asked({ tail: '0', app: 'shop' })).toEqual([{ limit: 1, app_name: 'shop' }]);
  });

  it('reads by the page what is more than one, or after a number', async () => {
    expect(await asked({ tail: '5000' })).toEqual([{ after: 0, limit: 1000 }]);
    expect(await asked({ after: '7' })).toEqual([{ after: '7', limit: 1000 }]);
  });
});

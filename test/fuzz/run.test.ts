/** That a run finds what is planted: on real sockets, with a server whose handlers do wrong. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Handlers } from '../../daemon/api/handlers.ts';
import { startTestServer, TEST_TOKEN, type TestServer } from '../../daemon/api/test-server.ts';
import { testTokens } from '../../daemon/api/test-tokens.ts';
import { DomainError } from '../../daemon/contract/errors.ts';
import type { Case } from './case.ts';
import { caseOf } from './cases.ts';
import { blame, type Finding } from './fuzzer.ts';
import { fuzz } from './run.ts';
import type { Target } from './target.ts';

let daemon: TestServer;
let closeTokens: () => void;
afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
  closeTokens();
});

/** `planted` are sent among others; `rows`: what is kept. */
async function findingsOf(handlers: Partial<Handlers>, planted: readonly Case[], rows: string[] = []): Promise<Finding[]> {
  const logged: string[] = [];
  const { tokens } = testTokens();
  closeTokens = () => tokens.close();
  daemon = await startTestServer({
    handlers: {
      listOperations: async () => [],
      listSecretProviders: async () => [],
      listTokens: async () => tokens.list(),
      createToken: async ({ body }) => tokens.create(body, 'admin'),
      revokeToken: async ({ params }) => tokens.revoke(params.id, 'admin'),
      ...handlers,
    },
    server: {
      tokens,
      log: { info: () => undefined, warn: () => undefined, error: (_fields, message) => void logged.push(message) },
    },
  });
  const target: Target = {
    address: { socket: daemon.socketPath, port: daemon.port },
    token: TEST_TOKEN,
    image: null,
    readState: async () => ({ rows: [...rows] }),
    memoryKib: async () => 0,
    takeErrors: async () => logged.splice(0),
    takeDeath: async () => null,
  };
  const quiet = { say: () => undefined, onFinding: () => undefined };
  const make = (index: number) => planted.find((_, at) => 40 * at + 7 === index) ?? caseOf(3, index);
  const { findings } = await fuzz(target, { make, requests: 120, memory_tolerance: { units: 1, percent: 0 }, ...quiet });
  return findings;
}

/** As it should be, by an administrator. */
const asked = (what: string): Case => ({
  ...caseOf(1, 0),
  ...{ kind: 'request', caller: 'admin', is_on_target: false, must_be_answered: true, patience_ms: 10_000 },
  steps: [{ send: `${what} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {{admin}}\r\nConnection: close\r\n\r\n` }],
});
const textOf = (test: Case | undefined) => JSON.stringify(test?.steps);

describe('a run', { timeout: 120_000 }, () => {
  it('finds nothing where nothing is wrong', async () => {
    expect(await findingsOf({}, [])).toEqual([]);
  });

  it('finds an answer of 500, what is logged with it, and the case', async () => {
    const getVersion = async () => {
      throw new TypeError('undefined is not a function');
    };
    const findings = await findingsOf({ getVersion }, [asked('GET /version')]);
    expect(new Set(findings.map(({ fault }) => fault))).toEqual(new Set(['5xx', 'error_logged']));
    for (const { cases } of findings) {
      expect(cases).toHaveLength(1);
      expect(textOf(cases[0])).toContain('/version');
    }
  });

  it('finds the refused request that changes something, among those that may', async () => {
    const rows: string[] = [];
    const removeSecretProvider = async () => {
      rows.push(`row ${rows.length}`);
      throw new DomainError('not_found', 'There is none.');
    };
    const rotateSecretsKey: Handlers['rotateSecretsKey'] = async () => {
      rows.push(`key ${rows.length}`);
      return { key_id: '0123abcd', secrets: 0 };
    };
    const findings = await findingsOf(
      { removeSecretProvider, rotateSecretsKey },
      [asked('POST /secrets/rotate-key'), asked('DELETE /secrets/providers?scope=global'), asked('POST /secrets/rotate-key')],
      rows,
    );
    expect(findings.map(({ fault, cases }) => [fault, cases.length])).toEqual([['change', 1]]);
    expect(textOf(findings[0]?.cases[0])).toMatch(/DELETE \/+secrets\/providers/);
  });
});

describe('who is to blame', () => {
  const cases = Array.from({ length: 100 }, (_, index) => caseOf(1, index));

  it('is found by halves', async () => {
    let asked = 0;
    const guilty = await blame(cases, async (some) => {
      asked += 1;
      return some.some(({ id }) => id === '1:77');
    });
    expect(guilty.map(({ id }) => id)).toEqual(['1:77']);
    expect(asked).toBeLessThan(16);
  });

  it('are all who are left where it takes two of them', async () => {
    const guilty = await blame(cases, async (some) => ['1:10', '1:90'].every((id) => some.some((each) => each.id === id)));
    expect(guilty).toHaveLength(100);
  });
});

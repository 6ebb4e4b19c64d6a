import { describe, expect, it } from 'vitest';
import { DomainError, type ErrorCode, toErrorResponse } from '../../daemon/contract/errors.ts';
import { parseAnswers } from './answers.ts';
import type { Case } from './case.ts';
import { complaintsAbout, mayHaveChanged } from './judge.ts';

const asked: Case = {
  ...{ id: '1:1', kind: 'request', target: 'createToken', is_on_target: true, caller: 'admin', listener: 'socket' },
  ...{ steps: [{ send: 'POST /tokens HTTP/1.1\r\n\r\n' }], must_be_answered: true, patience_ms: 1_000 },
};
const answer = (status: number, body: unknown, headers: string[] = []) => {
  const text = JSON.stringify(body);
  return Buffer.from(
    [`HTTP/1.1 ${status} Words`, 'X-NextDeploy-Api: 1', `Content-Length: ${text.length}`, ...headers, '', text].join('\r\n'),
  );
};
const refusal = (status: number, code: ErrorCode, message = 'No.') =>
  answer(status, toErrorResponse(new DomainError(code, message)));
const faultsOf = (heard: Buffer, test: Partial<Case> = {}, has_docker = false) =>
  complaintsAbout({ ...asked, ...test }, { heard, ending: 'closed' }, { has_docker }).map(({ fault }) => fault);

describe('an answer', () => {
  it('that is as the contract says is nothing to complain about', () => {
    expect(faultsOf(refusal(400, 'invalid_request'))).toEqual([]);
    expect(faultsOf(refusal(405, 'invalid_request'))).toEqual([]);
    expect(faultsOf(answer(200, { success: true }))).toEqual([]);
    expect(faultsOf(Buffer.concat([Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'), refusal(400, 'invalid_request')]))).toEqual([]);
  });

  it('of 5xx is one, but for 503 about what is not there', () => {
    expect(faultsOf(refusal(500, 'internal'))).toEqual(['5xx']);
    expect(faultsOf(refusal(503, 'unavailable'))).toEqual(['5xx']);
    const docker = refusal(503, 'unavailable', 'Docker does not answer; see `systemctl status docker`.');
    expect(faultsOf(docker)).toEqual([]);
    expect(faultsOf(docker, {}, true)).toEqual(['5xx']);
  });

  it('that is none of the contract is one', () => {
    expect(faultsOf(refusal(404, 'conflict'))).toEqual(['malformed']);
    expect(faultsOf(answer(400, { message: 'x' }))).toEqual(['malformed']);
    expect(faultsOf(answer(200, {}, ['X-Injected: yes']))).toEqual(['malformed']);
    expect(faultsOf(Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'))).toEqual(['malformed']);
    expect(faultsOf(Buffer.from('what?'), { must_be_answered: false })).toEqual(['malformed']);
  });

  it('that does not come, or goes to somebody whose role it is not for, is one', () => {
    expect(faultsOf(Buffer.alloc(0))).toEqual(['unanswered']);
    expect(faultsOf(Buffer.alloc(0), { must_be_answered: false })).toEqual([]);
    for (const caller of ['operator', 'limited', 'expired', 'none'] as const)
      expect(faultsOf(answer(200, {}), { caller })).toEqual(['admitted']);
    expect(faultsOf(answer(200, {}), { caller: 'none', target: 'getHealth' })).toEqual([]);
    expect(faultsOf(answer(202, {}), { caller: 'limited', target: 'deploy' })).toEqual([]);
  });
});

describe('what may be another afterwards', () => {
  const may = (heard: Buffer, send = 'POST /tokens HTTP/1.1\r\n\r\n') =>
    mayHaveChanged({ ...asked, steps: [{ send }] }, { heard, ending: 'closed' });

  it('follows from what was answered', () => {
    expect(may(answer(200, {}))).toBe(true);
    expect(may(refusal(400, 'invalid_request'))).toBe(false);
    expect(may(answer(200, {}), 'GET /tokens HTTP/1.1\r\n\r\n')).toBe(false);
    const failed = answer(422, toErrorResponse(new DomainError('unprocessable', 'It failed.', { operation_id: 'op-1' })));
    expect(may(failed)).toBe(true);
    expect(may(answer(409, toErrorResponse(new DomainError('conflict', 'Busy.', { operation_id: 'op-1' }))))).toBe(false);
  });

  it('may come in pieces', () => {
    const steps = [{ send: 'PO' }, { pause_ms: 1 }, { send: 'ST /tokens HTTP/1.1\r\n\r\n' }];
    expect(mayHaveChanged({ ...asked, steps }, { heard: answer(200, {}), ending: 'closed' })).toBe(true);
  });

  it('is not known where the caller did not wait', () => {
    expect(may(Buffer.alloc(0))).toBe(true);
    expect(may(refusal(400, 'invalid_request'), 'POST /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\n\r\n')).toBe(true);
  });
});

it('answers are read one after the other, and what is cut off is as much as there is', () => {
  const two = Buffer.concat([refusal(400, 'invalid_request'), answer(200, { a: 1 }).subarray(0, -3)]);
  const { answers, garbage } = parseAnswers(two);
  expect(answers.map(({ status, body }) => [status, body.length > 3])).toEqual([
    [400, true],
    [200, true],
  ]);
  expect(garbage).toBeNull();
  expect(parseAnswers(Buffer.from('HTT'))).toEqual({ answers: [], garbage: null });
});

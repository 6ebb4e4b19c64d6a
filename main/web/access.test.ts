import { describe, expect, test } from 'vitest';
import { Gate, readCookie, refuseOrigin } from './access.ts';

const own = ['127.0.0.1:4711', 'localhost:4711'];
const request = (headers: object) => ({ host: '127.0.0.1:4711', origin: undefined, ...headers });

describe('refuseOrigin', () => {
  test.each([
    ['a page opened by hand', request({ 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }), false],
    ['a client without fetch metadata', request({}), false],
    ['the page itself', request({ origin: 'http://127.0.0.1:4711', 'sec-fetch-site': 'same-origin' }), true],
    ['the page under its other name', request({ host: 'localhost:4711', origin: 'http://localhost:4711' }), true],
    ['a link followed from elsewhere', request({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }), false],
  ])('lets %s in', (_who, from, needsOrigin) => {
    expect(refuseOrigin(from, own, needsOrigin)).toBeNull();
  });

  test.each([
    ['a name rebound to loopback', request({ host: 'evil.example:4711', origin: 'http://evil.example:4711' })],
    ['another port', request({ host: '127.0.0.1:80' })],
    ['no host at all', request({ host: undefined })],
    ['another page', request({ origin: 'https://evil.example' })],
    ['an opaque origin', request({ origin: 'null' })],
    ['the own address over another scheme', request({ origin: 'https://127.0.0.1:4711' })],
    ['one own name from the other', request({ origin: 'http://localhost:4711' })],
    ['a request by a page on another port', request({ 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' })],
  ])('keeps %s out', (_who, from) => {
    expect(refuseOrigin(from, own, false)).not.toBeNull();
  });

  test('keeps a link without an origin out', () => {
    expect(refuseOrigin(request({}), own, true)).not.toBeNull();
  });
});

describe('readCookie', () => {
  test('finds one cookie among several', () => {
    expect(readCookie('a=1; nextdeploy-4711=secret; b=2', 'nextdeploy-4711')).toBe('secret');
  });

  test.each([undefined, '', 'nextdeploy-47110=secret', 'x-nextdeploy-4711=secret', 'nextdeploy-4711=a; nextdeploy-4711=b'])(
    'takes %j as no cookie',
    (header) => {
      expect(readCookie(header, 'nextdeploy-4711')).toBeNull();
    },
  );
});

describe('Gate', () => {
  test('a token opens one session, once', () => {
    const gate = new Gate();
    const token = gate.issueToken();
    const session = gate.exchange(token);
    expect(gate.hasSession(session)).toBe(true);
    expect(gate.exchange(token)).toBeNull();
    expect(gate.hasSession(session)).toBe(true);
  });

  test('neither a token nor a guess is a session, nor a session a token', () => {
    const gate = new Gate();
    const token = gate.issueToken();
    expect(gate.hasSession(token)).toBe(false);
    expect(gate.hasSession('')).toBe(false);
    expect(gate.hasSession(null)).toBe(false);
    expect(gate.exchange('')).toBeNull();
    const session = gate.exchange(token) ?? '';
    expect(gate.exchange(session)).toBeNull();
  });

  test('secrets are 32 random bytes', () => {
    const gate = new Gate();
    const tokens = [gate.issueToken(), gate.issueToken()];
    expect(tokens.map((token) => Buffer.from(token, 'base64url').byteLength)).toEqual([32, 32]);
    expect(new Set(tokens).size).toBe(2);
  });

  test('forgets the oldest unused token and the oldest session beyond its bounds', () => {
    const gate = new Gate();
    const tokens = Array.from({ length: 9 }, () => gate.issueToken());
    expect(gate.exchange(tokens[0] ?? '')).toBeNull();
    expect(gate.exchange(tokens[1] ?? '')).not.toBeNull();

    const sessions = Array.from({ length: 17 }, () => gate.exchange(gate.issueToken()));
    expect(gate.hasSession(sessions[0] ?? null)).toBe(false);
    expect(gate.hasSession(sessions[16] ?? null)).toBe(true);
  });
});

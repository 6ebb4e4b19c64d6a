import { describe, expect, it } from 'vitest';
import { parseWrk } from './wrk.ts';

const CLEAN = `Running 2s test @ http://127.0.0.1:8080/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.92ms    0.95ms  22.40ms   88.85%
    Req/Sec    17.06k     1.15k   18.88k    80.00%
  Latency Distribution
     50%    1.77ms
     75%    2.21ms
     90%  980.00us
     99%    5.85ms
  33956 requests in 2.00s, 5.34MB read
Requests/sec:  16967.77
Transfer/sec:      2.67MB
`;

describe('parseWrk', () => {
  it('reads a clean report as zero errors', () => {
    const result = parseWrk(CLEAN);
    expect(result).toMatchObject({ requests: 33956, requests_per_second: 16967.77, socket_errors_total: 0, non_2xx: 0 });
    expect(result.latency_p50_ms).toBeCloseTo(1.77);
    expect(result.latency_p99_ms).toBeCloseTo(5.85);
  });

  it('counts socket errors of every kind and bad answers', () => {
    const result = parseWrk(
      `${CLEAN}  Socket errors: connect 1, read 20, write 300, timeout 4000\n  Non-2xx or 3xx responses: 17\n`,
    );
    expect(result.socket_errors_total).toBe(4321);
    expect(result.non_2xx).toBe(17);
  });

  it('reads micro-seconds and seconds', () => {
    expect(parseWrk(CLEAN.replace('5.85ms', '850.00us')).latency_p99_ms).toBeCloseTo(0.85);
    expect(parseWrk(CLEAN.replace('5.85ms', '1.20s')).latency_p99_ms).toBeCloseTo(1200);
  });

  it('refuses output that is no report', () => {
    expect(() => parseWrk('unable to connect to 127.0.0.1:1 Connection refused')).toThrow('Connection refused');
  });
});

import { describe, expect, it } from 'vitest';
import { mirroredRunArguments } from './mirror.ts';

const inspected = (changes: object = {}, networks: object = { nextdeploy: {} }) =>
  JSON.stringify([
    {
      Image: 'sha256:1',
      Config: { Env: ['PORT=3000', 'GREETING=a b'], Healthcheck: { Test: ['NONE'] } },
      HostConfig: {
        LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
        SecurityOpt: ['no-new-privileges'],
        Init: null,
        Memory: 0,
        NanoCpus: 0,
        PidsLimit: null,
        CapDrop: ['ALL'],
        CapAdd: ['CAP_CHOWN'],
        ReadonlyRootfs: false,
        ...changes,
      },
      NetworkSettings: { Networks: networks },
    },
  ]);

describe('the mirrored docker run', () => {
  it('has network, address, log options, security options and environment of the container', () => {
    const expected =
      '--network nextdeploy --ip 10.213.255.250 --log-driver json-file --log-opt max-size=10m --log-opt max-file=3 ' +
      '--security-opt no-new-privileges --cap-drop ALL --cap-add CAP_CHOWN --env PORT=3000 --env GREETING=a b --no-healthcheck';
    expect(mirroredRunArguments(inspected(), '10.213.255.250').join(' ')).toBe(expected);
  });

  it('has the limits of the container', () => {
    const limits = { Init: true, Memory: 512_000_000, NanoCpus: 1_500_000_000, PidsLimit: 100 };
    const text = mirroredRunArguments(inspected(limits), '10.213.255.250').join(' ');
    expect(text).toContain('--init --memory 512000000 --cpus 1.5 --pids-limit 100');
  });

  it('has a root that cannot be written to where the container has one', () => {
    expect(mirroredRunArguments(inspected({ ReadonlyRootfs: true }), '10.213.255.250')).toContain('--read-only');
  });

  it('is refused for a container whose network is not clear', () => {
    expect(() => mirroredRunArguments(inspected({}, { a: {}, b: {} }), '10.213.255.250')).toThrow('2 networks');
  });
});

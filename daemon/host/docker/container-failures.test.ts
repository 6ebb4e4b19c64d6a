import { describe, expect, it } from 'vitest';
import { DockerError } from './client.ts';
import { connectFailure, createFailure, startFailure } from './container-failures.ts';

const RUNTIME = 'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ';

/** What a real Docker is made to say stands in test/e2e/docker-containers.test.ts; these need a broken host. */
describe('a container that cannot be started', () => {
  it.each([
    ['mkdir /var/lib/docker/overlay2/abc: no space left on device', "Docker's disk is full (mkdir"],
    [`${RUNTIME}container init was OOM-killed (memory limit too low?): unknown`, 'raise `limits.memory_bytes`'],
    [
      `${RUNTIME}unable to apply cgroup configuration: failed to write 1000: write cpu.cfs_quota_us: invalid argument: unknown`,
      'The kernel refuses the limits of the container (unable to apply cgroup configuration: failed to write 1000: write cpu.cfs_quota_us: invalid argument: unknown); change `limits`',
    ],
    [
      `${RUNTIME}error during container init: error mounting "/mnt/nfs" to rootfs at "/data": mount /mnt/nfs:/data: stale NFS file handle: unknown`,
      '/mnt/nfs cannot be mounted at /data (mount /mnt/nfs:/data: stale NFS file handle); change `volumes`.',
    ],
    ["error while mounting volume '/var/lib/docker/volumes/a/_data': failed to mount local volume", 'Docker refuses a mount ('],
    ['something new', 'Docker could not start the container: something new'],
  ])('because of %j says what to change', (detail, expected) => {
    expect(startFailure(new DockerError(500, detail), 'shop-blue-0').message).toContain(expected);
  });

  it('says so when it is gone', () => {
    const error = startFailure(new DockerError(404, 'No such container: shop-blue-0'), 'shop-blue-0');
    expect(error).toMatchObject({ code: 'not_found', message: 'The container shop-blue-0 is gone.' });
  });
});

describe('a container that cannot be made', () => {
  it('tells a name that is taken from what Docker refuses for reasons of its own', () => {
    expect(createFailure(new DockerError(409, 'Conflict'), 'shop-blue-0').code).toBe('conflict');
    const message = 'Docker refused to create the container: something new';
    expect(createFailure(new DockerError(400, 'something new'), 'shop-blue-0')).toMatchObject({ code: 'unprocessable', message });
  });
});

describe('a network that cannot be joined', () => {
  it.each([
    [
      404,
      'network db not found',
      'There is no Docker network db; make it with `docker network create db`, or change `networks`.',
    ],
    [403, 'cannot attach', 'The container cannot join the Docker network db: cannot attach; change `networks`.'],
  ])('for status %i says what to do', (status, detail, expected) => {
    expect(connectFailure(new DockerError(status, detail), 'db').message).toBe(expected);
  });
});

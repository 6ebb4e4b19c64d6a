import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { FACTS_SCRIPT, type Facts, parseFacts } from './facts.ts';
import { architectureOf, judge, planInstall, releaseName } from './plan.ts';

const NOW = 1_800_000_000;
const good: Facts = {
  kernel: 'Linux',
  machine: 'x86_64',
  user: 'operator',
  groups: ['operator', 'nextdeploy'],
  root: 'sudo',
  os: 'Debian GNU/Linux 12 (bookworm)',
  glibc: '2.36',
  systemd: 252,
  now_s: NOW,
  free_kib: 2_000_000,
  missing: [],
  docker_installed: true,
  docker: '20.10.24',
  caddy: '2.6.2',
  caddy_active: true,
  nginx: null,
  nginx_active: false,
  releases: [],
  current: null,
};
const tarball = { path: '/x', sha256: 'a'.repeat(64), version: '0.1.0', contentHash: `12345678${'b'.repeat(56)}` };

describe('judge', () => {
  it('finds nothing wrong with a good server', () => {
    expect(judge(good, NOW).filter(({ state }) => state !== 'ok')).toEqual([]);
  });

  it.each<[string, Partial<Facts>, RegExp]>([
    ['another system', { kernel: 'Darwin' }, /Linux only/],
    ['another architecture', { machine: 'riscv64' }, /x86_64 and aarch64/],
    ['musl', { glibc: null }, /musl/],
    ['an old glibc', { glibc: '2.27' }, /too old.*Debian 11/],
    ['no systemd', { systemd: null }, /systemd service/],
    ['an old systemd', { systemd: 237 }, /too old/],
    ['missing tools', { missing: ['flock'] }, /flock.*install/],
    ['sudo with a password', { root: 'password' }, /NOPASSWD/],
    ['no way to root', { root: 'none' }, /log in as root/],
    ['a full disk', { free_kib: 100_000 }, /97 MiB free.*make room/],
    ['no Docker', { docker: null, docker_installed: false }, /apt-get install docker/],
    ['a stopped Docker', { docker: null }, /systemctl enable --now docker/],
    ['no proxy', { caddy: null, caddy_active: false }, /Neither.*apt-get install caddy, or .*apt-get install nginx/],
    ['a stopped Caddy', { caddy_active: false }, /Caddy installed.*systemctl enable --now caddy, or .*apt-get install nginx/],
    [
      'two stopped proxies',
      { caddy_active: false, nginx: '1.22.1' },
      /Caddy and nginx installed.*enable --now caddy, or .*enable --now nginx/,
    ],
  ])('refuses %s, saying what to do', (_name, change, message) => {
    const failed = judge({ ...good, ...change }, NOW).filter(({ state }) => state === 'failed');
    expect(failed).toEqual([expect.objectContaining({ message: expect.stringMatching(message) })]);
  });

  it.each<[string, Partial<Facts>, string]>([
    ['Caddy', {}, 'Caddy 2.6.2'],
    ['Caddy beside an nginx that does not run', { nginx: '1.22.1' }, 'Caddy 2.6.2'],
    ['nginx alone', { caddy: null, caddy_active: false, nginx: '1.22.1', nginx_active: true }, 'nginx 1.22.1'],
    ['both', { nginx: '1.22.1', nginx_active: true }, 'Caddy 2.6.2 and nginx 1.22.1'],
  ])('is content with %s, and names what runs', (_name, change, message) => {
    expect(judge({ ...good, ...change }, NOW)).toContainEqual({ name: 'proxy', state: 'ok', message });
  });

  it('only warns of a clock that is off', () => {
    const findings = judge({ ...good, now_s: NOW - 3600 }, NOW).filter(({ state }) => state !== 'ok');
    expect(findings).toEqual([
      expect.objectContaining({ name: 'clock', state: 'warning', message: expect.stringContaining('3600 s') }),
    ]);
  });
});

describe('planInstall', () => {
  it('installs everything on a fresh server, and needs a new login for the new group', () => {
    expect(planInstall({ ...good, groups: ['operator'] }, tarball)).toEqual({
      release: '0.1.0-12345678',
      isStaged: false,
      isCurrent: false,
      previous: null,
      proxies: [{ name: 'caddy', isActive: true }],
      defaultProxy: 'caddy',
      member: 'operator',
      needsNewLogin: true,
    });
  });

  it('includes in every proxy that is there, and takes Caddy by default where it runs', () => {
    const both = { ...good, nginx: '1.22.1', nginx_active: true };
    expect(planInstall(both, tarball)).toMatchObject({
      proxies: [
        { name: 'caddy', isActive: true },
        { name: 'nginx', isActive: true },
      ],
      defaultProxy: 'caddy',
    });
    expect(planInstall({ ...both, caddy_active: false }, tarball)).toMatchObject({
      proxies: [{ name: 'caddy', isActive: false }, { name: 'nginx' }],
      defaultProxy: 'nginx',
    });
  });

  it('needs neither group nor new login for root', () => {
    expect(planInstall({ ...good, root: 'yes', user: 'root', groups: ['root'] }, tarball)).toMatchObject({
      member: null,
      needsNewLogin: false,
    });
  });

  it('returns to what runs now, if that is complete', () => {
    const facts = { ...good, releases: ['0.0.9-aaaaaaaa'], current: '0.0.9-aaaaaaaa' };
    expect(planInstall(facts, tarball)).toMatchObject({ isStaged: false, previous: '0.0.9-aaaaaaaa' });
    expect(planInstall({ ...facts, releases: [] }, tarball)).toMatchObject({ previous: null });
  });

  it('has nowhere to return to when the version in use is installed again', () => {
    const facts = { ...good, releases: ['0.1.0-12345678', '0.0.9-aaaaaaaa'], current: '0.1.0-12345678' };
    expect(planInstall(facts, tarball)).toMatchObject({ isStaged: true, isCurrent: true, previous: null });
  });

  it('never makes a path of a version that could leave its folder', () => {
    expect(() => releaseName({ ...tarball, version: '../etc' })).toThrow();
    expect(() => releaseName({ ...tarball, contentHash: '/' })).toThrow();
  });
});

describe('the facts', () => {
  it('of this machine are found by the script and understood', () => {
    const { stdout, status } = spawnSync('sh', ['-c', FACTS_SCRIPT, 'sh', '/opt/nextdeploy/releases', '.complete'], {
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    const facts = parseFacts(stdout);
    expect(facts).toMatchObject({ kernel: 'Linux', user: expect.stringMatching(/./), now_s: expect.any(Number) });
    expect(architectureOf(facts)).toBe(process.arch);
  });

  it('of a hostile server are cut to size and stripped of control characters', () => {
    const facts = parseFacts(
      `kernel=Linux\nmachine=x86_64\nuser=a\u001b[31mb\nroot=sudo\nnow=1\nos=${'x'.repeat(150)}\nignored\n`,
    );
    expect(facts.user).toBe('a [31mb');
    expect(() => parseFacts('Welcome! This is a menu.\n')).toThrow();
  });
});

import { describe, expect, it } from 'vitest';
import { asService } from './as-service.ts';

const run = { argv: ['caddy', 'validate', '--config', '-'], cwd: '/etc/caddy', deadlineMs: 30_000 };

describe('a program run as a service', () => {
  it("has the unit's user and all of its environment", () => {
    const shown = [
      'Environment=SITE=shop.test "MOTTO=a b \\"c\\""',
      'EnvironmentFiles=/etc/caddy/env (ignore_errors=no)',
      'EnvironmentFiles=/etc/default/my caddy (ignore_errors=yes)',
      'User=caddy',
      '',
    ].join('\n');
    expect(asService(shown, run)).toEqual([
      'systemd-run',
      '--quiet',
      '--wait',
      '--pipe',
      '--collect',
      '--property=User=caddy',
      '--property=WorkingDirectory=/etc/caddy',
      '--property=RuntimeMaxSec=30',
      '--property=Environment=SITE=shop.test "MOTTO=a b \\"c\\""',
      '--property=EnvironmentFile=/etc/caddy/env',
      '--property=EnvironmentFile=-/etc/default/my caddy',
      '--',
      ...run.argv,
    ]);
  });

  it('sees one directory at the place of another', () => {
    const sees = { directory: '/etc/nginx/nextdeploy/.candidate', at: '/etc/nginx/nextdeploy' };
    const argv = asService('User=', { ...run, sees });
    expect(argv).toContain('--property=BindReadOnlyPaths=/etc/nginx/nextdeploy/.candidate:/etc/nginx/nextdeploy');
  });

  it('is root where the unit names nobody, and has nothing more where the unit has nothing', () => {
    const argv = asService('Environment=\nUser=\n', run);
    expect(argv).toContain('--property=User=root');
    expect(argv.join(' ')).not.toContain('Environment');
  });
});

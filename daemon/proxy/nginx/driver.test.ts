import { describe, expect, it } from 'vitest';
import { portRouteKey, type RouteModel } from '../../engine/state.ts';
import { CERTIFICATES, HASH, NO_OPTIONS, ROUTE } from '../test-route.ts';
import { NginxDriver, type NginxMachine } from './driver.ts';
import { statusName } from './readback.ts';

const DIRECTORY = '/etc/nginx/nextdeploy';
const SETTINGS = {
  directory: DIRECTORY,
  service: 'nginx',
  http_port: 80,
  https_port: 443,
  certificates: CERTIFICATES,
  confirm_ms_max: 300,
};
const FILE = `${DIRECTORY}/shop.conf`;
const OWN =
  '# configuration file /etc/nginx/sites-enabled/own:\nserver { listen 80 default_server; listen [::]:80 default_server; }\n';
const { signal } = new AbortController();

function route(domain = 'shop.test'): RouteModel {
  return { ...ROUTE, proxy: 'nginx', sites: [{ domain, tls: 'off' }] };
}

/** An nginx that serves, some time after each reload, what the files said then. */
class FakeMachine implements NginxMachine {
  readonly has_ipv6 = true;
  readonly files = new Map<string, string>();
  readonly calls: { argv: string; seen: Map<string, string> | null }[] = [];
  staged = new Map<string, string>();
  served = '';
  refuses: 'nothing' | 'test' | 'reload' | 'silently' = 'nothing';
  isRunning = true as boolean; // tests change it
  isIncluded = true as boolean; // tests change it
  warning = '';
  foreign = OWN;
  duringReload: () => Promise<void> = async () => undefined;

  readText = async (path: string) => this.files.get(path) ?? null;
  /** Of files that not everybody may read. */
  readonly readers = new Map<string, string | null>();
  writeText: NginxMachine['writeText'] = async (path, content, readers) => {
    this.files.set(path, content);
    if (readers) this.readers.set(path, readers.group);
  };
  remove = async (path: string) => void this.files.delete(path);
  listFiles = async () => [...this.files.keys()].map((path) => path.slice(DIRECTORY.length + 1));

  withCandidate: NginxMachine['withCandidate'] = async (directory, { name, content }, body) => {
    this.staged = new Map([...this.files].filter(([path]) => path !== `${directory}/${name}`));
    if (content !== null) this.staged.set(`${directory}/${name}`, content);
    return body('candidate');
  };

  makeMark: NginxMachine['makeMark'] = async (directory, { name, content }) => {
    this.staged = new Map([[`${directory}/${name}`, content]]);
    return 'mark';
  };

  run: NginxMachine['run'] = async (file, args, { sees }) => {
    const argv = [file, ...args].join(' ');
    this.calls.push({ argv, seen: sees ? this.staged : null });
    if (argv === 'nginx -t' && this.refuses === 'test') return { code: 1, output: 'nginx: [emerg] cannot load certificate\n' };
    if (argv === 'nginx -v') return { code: 0, output: 'nginx version: nginx/1.22.1\n' };
    const isCandidate = this.staged.size > 0 && !this.staged.has(`${DIRECTORY}/0-included.conf`);
    if (argv === 'nginx -T' && isCandidate && this.refuses === 'test') {
      const says = 'nginx: [warn] something\nnginx: [emerg] unknown directive "x" in /etc/nginx/sites-enabled/own:3\n';
      return { code: 1, output: `${says}nginx: configuration file /etc/nginx/nginx.conf test failed\n` };
    }
    if (argv === 'nginx -T') {
      const ours = [...this.staged.keys()].map((path) => `# configuration file ${path}:\n`).join('');
      return {
        code: 0,
        output: `${this.warning}# configuration file /etc/nginx/nginx.conf:\n${this.isIncluded ? ours : ''}${this.foreign}`,
      };
    }
    if (argv.startsWith('systemctl is-active')) return { code: this.isRunning ? 0 : 3, output: '' };
    if (argv === 'systemctl reload nginx') {
      await this.duringReload();
      if (this.refuses === 'reload' || !this.isRunning) return { code: 1, output: 'nginx.service is not active, cannot reload.' };
      const text = [...this.files.values()].join('\n');
      if (this.refuses !== 'silently') setTimeout(() => (this.served = text), 30);
    }
    return { code: 0, output: '' };
  };

  ask: NginxMachine['ask'] = async ({ name }) => {
    if (!this.isRunning) return null;
    const [, , rest = ''] = this.served.match(new RegExp(`(server_name ${name};)([\\s\\S]*)`)) ?? [];
    return /return 200 "(.+)";/.exec(rest)?.[1] ?? '';
  };

  count(argv: string): number {
    return this.calls.filter((call) => call.argv.startsWith(argv)).length;
  }
}

function start() {
  const machine = new FakeMachine();
  return { machine, driver: new NginxDriver(SETTINGS, machine, signal) };
}

describe('NginxDriver', () => {
  it('says of each route whether nginx runs with it', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    const asked = [route(), route('new.test'), { ...route('other.test'), app_name: 'other' }];
    const different = 'it does not run with the new route';
    expect(await driver.differences(asked, signal)).toEqual([null, different, different]);
    machine.isRunning = false;
    await expect(driver.differences(asked, signal)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('has nginx check the candidate in place of our directory, before it is put there', async () => {
    const { machine, driver } = start();
    machine.files.set(`${DIRECTORY}/blog.conf`, '# other app');
    await driver.apply('shop', route(), signal);
    const check = machine.calls.findLast(({ seen }) => seen !== null);
    expect([...(check?.seen?.keys() ?? [])]).toEqual([`${DIRECTORY}/blog.conf`, FILE]);
    expect(machine.files.get(FILE)).toBe(check?.seen?.get(FILE));
  });

  it('waits for the workers that serve the new route, and does not reload when they do already', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    expect(machine.served).toContain('server_name shop.test;');
    await driver.apply('shop', route(), signal);
    expect(machine.count('systemctl reload')).toBe(1);
    await driver.apply('shop', null, signal);
    expect(machine.served).not.toContain(statusName('shop'));
    await driver.apply('shop', null, signal);
    expect([machine.count('systemctl reload'), machine.files.size]).toEqual([2, 0]);
  });

  it('reloads after a crash between rename and reload, when the file says what nginx does not know', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    machine.served = machine.served.replace(/return 200 "shop .*"/, 'return 200 "shop 0"');
    await driver.apply('shop', route(), signal);
    expect(machine.count('systemctl reload')).toBe(2);
  });

  it('changes nothing when nginx refuses the candidate, and says what nginx says', async () => {
    const { machine, driver } = start();
    machine.refuses = 'test';
    const message = expect.stringContaining('unknown directive "x" in /etc/nginx/sites-enabled/own:3. Nothing was changed');
    await expect(driver.apply('shop', route(), signal)).rejects.toMatchObject({ code: 'unprocessable', message });
    expect([machine.files.size, machine.count('systemctl reload')]).toEqual([0, 0]);
  });

  it('takes no domain that another site serves, of which nginx only warns', async () => {
    const { machine, driver } = start();
    machine.warning = 'nginx: [warn] conflicting server name "shop.test" on 0.0.0.0:80, ignored\n';
    const message = expect.stringContaining('serves shop.test already');
    await expect(driver.apply('shop', route(), signal)).rejects.toMatchObject({ code: 'unprocessable', message });
    await driver.apply('shop', route('other.test'), signal);
  });

  it('does not make its first site the one that answers unknown names', async () => {
    const { machine, driver } = start();
    machine.foreign = OWN.replaceAll(' default_server', '');
    const message = expect.stringContaining('/etc/nginx/sites-enabled/own answers for unknown names on port 80');
    await expect(driver.apply('shop', route(), signal)).rejects.toMatchObject({ code: 'unprocessable', message });
    expect(machine.files.size).toBe(0);
  });

  it('takes the default of the port for TLS from nobody either', async () => {
    const { machine, driver } = start();
    const secure: RouteModel = { ...route(), sites: [{ domain: 'shop.example.com', tls: 'import' }] };
    machine.foreign = `${OWN}server { listen 443 ssl; }\n`;
    await driver.apply('blog', { ...route('blog.test'), app_name: 'blog' }, signal);
    const message = expect.stringContaining('/etc/nginx/sites-enabled/own answers for unknown names on port 443');
    await expect(driver.apply('shop', secure, signal)).rejects.toMatchObject({ code: 'unprocessable', message });
    machine.foreign = `${OWN}server { listen 443 ssl default_server; listen [::]:443 quic; }\n`;
    await driver.apply('shop', secure, signal);
  });

  it('puts passwords where only the workers read them before nginx is told, and takes away what no route names', async () => {
    const { machine, driver } = start();
    machine.foreign = `user web www; ${OWN}`;
    const withUser = (username: string): RouteModel => ({
      ...route(),
      options: { ...NO_OPTIONS, basic_auth: [{ username, password_hash: HASH }] },
    });
    let atReload: string[] = [];
    machine.duringReload = async () => {
      atReload = [...machine.files.keys()];
    };
    const ofAnother = `${DIRECTORY}/shop.x.0123456789abcdef.htpasswd`;
    machine.files.set(ofAnother, '');
    await driver.apply('shop', withUser('ann'), signal);
    const [first = ''] = machine.readers.keys();
    expect([...machine.readers]).toEqual([[expect.stringMatching(/shop\.[a-f0-9]{16}\.htpasswd$/), 'www']]);
    expect([machine.files.get(first), atReload.includes(first)]).toEqual([`ann:${HASH}\n`, true]);
    machine.refuses = 'silently';
    await expect(driver.apply('shop', withUser('bob'), signal)).rejects.toMatchObject({ code: 'unavailable' });
    const kept = () => [...machine.files.keys()].filter((path) => path.endsWith('.htpasswd'));
    expect(new Set(kept())).toEqual(new Set([first, ofAnother]));
    machine.refuses = 'nothing';
    await driver.apply('shop', withUser('bob'), signal);
    expect(machine.files.has(first)).toBe(false);
    await driver.apply('shop', null, signal);
    expect([...machine.files.keys()]).toEqual([ofAnother]);
  });

  it('finds a route to a port again by its key, however long the domain is', async () => {
    const { machine, driver } = start();
    const domains = ['port.test', `${`${'l'.repeat(63)}.`.repeat(3)}port.test`];
    for (const domain of domains) {
      const key = portRouteKey(domain);
      await driver.apply(key, { ...route(domain), app_name: key }, signal);
      expect(await driver.listApps()).toEqual([key]);
      expect(Math.max(...[...machine.files.keys()].map((path) => path.length - DIRECTORY.length))).toBeLessThan(230);
      await driver.apply(key, null, signal);
    }
    expect(machine.files.size).toBe(0);
  });

  it('reads certificates anew by a reload, unless nginx refuses them', async () => {
    const { machine, driver } = start();
    await driver.reloadCertificates(signal);
    expect(machine.count('systemctl reload')).toBe(1);
    machine.refuses = 'test';
    await expect(driver.reloadCertificates(signal)).rejects.toMatchObject({ code: 'unavailable' });
    expect(machine.count('systemctl reload')).toBe(1);
  });

  it('reloads nothing while nginx does not read our directory, for then every route would go', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    machine.isIncluded = false;
    await expect(driver.apply('shop', route('new.test'), signal)).rejects.toThrow(`include ${DIRECTORY}/*.conf;`);
    expect(machine.count('systemctl reload')).toBe(1);
  });

  it.each(['reload', 'silently'] as const)('restores the file when the reload fails (%s)', async (refuses) => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    const before = machine.files.get(FILE);
    machine.refuses = refuses;
    await expect(driver.apply('shop', route('new.test'), signal)).rejects.toMatchObject({ code: 'unavailable' });
    expect(machine.files.get(FILE)).toBe(before);
  });

  it('says what to do when nginx does not run, or does not read our directory', async () => {
    const { machine, driver } = start();
    machine.isIncluded = false;
    await expect(driver.check(signal)).rejects.toThrow(`write the line \`include ${DIRECTORY}/*.conf;\``);
    machine.isIncluded = true;
    await expect(driver.check(signal)).resolves.toBeUndefined();
    machine.isRunning = false;
    await expect(driver.check(signal)).rejects.toThrow('nginx does not run; start it with `systemctl start nginx`');
    await driver.apply('shop', null, signal);
    await expect(driver.apply('shop', route(), signal)).rejects.toMatchObject({ code: 'unavailable' });
    expect(machine.files.size).toBe(0);
  });

  it('takes the answer of a route for all it has to know of a running nginx', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    const before = machine.calls.length;
    await driver.check(signal);
    expect(machine.calls.length).toBe(before);
  });

  it('takes a route away from an nginx that does not run, or was uninstalled, without asking it', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    machine.isRunning = false;
    machine.refuses = 'test';
    await driver.apply('shop', null, signal);
    expect(machine.files.has(FILE)).toBe(false);
    await expect(driver.apply('shop', route(), signal)).rejects.toMatchObject({ code: 'unprocessable' });
    expect(machine.files.has(FILE)).toBe(false);
  });

  it('shares reloads among changes that come at once', async () => {
    const { machine, driver } = start();
    const apps = ['shop', 'blog', 'docs', 'mail', 'wiki'];
    // The first reload lasts until all files are there.
    machine.duringReload = async () => {
      while (machine.files.size < apps.length) await new Promise(setImmediate);
    };
    await Promise.all(apps.map((app) => driver.apply(app, { ...route(`${app}.test`), app_name: app }, signal)));
    expect(machine.count('systemctl reload')).toBe(2);
    expect(apps.every((app) => machine.served.includes(`server_name ${app}.test;`))).toBe(true);
  });

  it('tells its own routes from a file that the operator has put beside them', async () => {
    const { machine, driver } = start();
    machine.files.set(`${DIRECTORY}/blog.conf`, 'server { server_name blog.test; }');
    machine.files.set(`${DIRECTORY}/notes.txt`, '');
    expect(await driver.listApps()).toEqual([]);
    await driver.apply('shop', route(), signal);
    expect(await driver.listApps()).toEqual(['shop']);
    const before = machine.calls.length;
    await driver.check(signal);
    expect(machine.calls.length).toBe(before);
  });

  it('refuses an app whose file would be one that the operator has put there, and never takes that away', async () => {
    const { machine, driver } = start();
    const own = 'server { server_name own.test; }';
    machine.files.set(FILE, own);
    const refusal = { code: 'conflict', message: expect.stringMatching(/nextdeploy\/shop\.conf .* rename it, or move it/) };
    await expect(driver.check(signal, route())).rejects.toMatchObject(refusal);
    await expect(driver.apply('shop', route(), signal)).rejects.toMatchObject(refusal);
    await driver.apply('shop', null, signal);
    expect([machine.files.get(FILE), machine.count('systemctl reload')]).toEqual([own, 0]);
    await driver.apply('blog', { ...route('blog.test'), app_name: 'blog' }, signal);
    expect(machine.files.get(FILE)).toBe(own);
  });

  it('knows its version', async () => {
    expect(await start().driver.version(signal)).toBe('1.22.1');
  });

  it('has nginx itself check a route before anything is done, and only one that it does not serve', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    const before = [new Map(machine.files), machine.calls.length];
    await driver.check(signal, route());
    expect([machine.files, machine.calls.length]).toEqual(before);
    machine.warning = 'nginx: [warn] conflicting server name "other.test" on 0.0.0.0:80, ignored\n';
    const refusal = { code: 'unprocessable', details: { domain: 'other.test' } };
    await expect(driver.check(signal, route('other.test'))).rejects.toMatchObject(refusal);
    expect([machine.files, machine.count('systemctl reload')]).toEqual([before[0], 1]);
  });

  it('does not put an old route over a newer one when two changes of one app overlap and the first fails', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    const first = new AbortController();
    machine.duringReload = async () => {
      machine.duringReload = async () => undefined;
      await expect.poll(() => machine.files.get(FILE)).toContain('newer.test');
      first.abort(new Error('too late'));
    };
    const failing = driver.apply('shop', route('new.test'), first.signal);
    await expect.poll(() => machine.files.get(FILE)).toContain('new.test');
    const newer = driver.apply('shop', route('newer.test'), signal);
    await expect(failing).rejects.toThrow();
    await newer;
    expect(machine.files.get(FILE)).toContain('newer.test');
    expect(machine.served).toContain('newer.test');
  });

  it('goes back to what was seen to run when two changes of one app overlap and both fail', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    machine.duringReload = async () => {
      await expect.poll(() => machine.files.get(FILE)).toContain('newer.test');
      machine.duringReload = async () => undefined;
    };
    machine.refuses = 'reload';
    const first = driver.apply('shop', route('new.test'), signal);
    await expect.poll(() => machine.files.get(FILE)).toContain('new.test');
    const second = driver.apply('shop', route('newer.test'), signal);
    await expect(first).rejects.toMatchObject({ code: 'unavailable' });
    await expect(second).rejects.toMatchObject({ code: 'unavailable' });
    expect(machine.files.get(FILE)).toContain('server_name shop.test;');
  });
});

import { describe, expect, it } from 'vitest';
import type { RouteModel } from '../../engine/state.ts';
import { CERTIFICATES, HASH, NO_OPTIONS, ROUTE } from '../test-route.ts';
import { CaddyDriver, type CaddyMachine } from './driver.ts';

const SETTINGS = {
  directory: '/etc/caddy/nextdeploy',
  caddyfile: '/etc/caddy/Caddyfile',
  service: 'caddy',
  https_port: 443,
  certificates: CERTIFICATES,
};
const MAIN = 'own.test {\n\trespond "own"\n}\n\timport /etc/caddy/nextdeploy/*.caddy\nother.test {\n}\n';
const FILE = '/etc/caddy/nextdeploy/routes.caddy';
const { signal } = new AbortController();

function route(domain = 'shop.test'): RouteModel {
  return { ...ROUTE, sites: [{ domain, tls: 'off' }], marker_directory: '/state/slots/shop' };
}

/** A Caddy that serves at each reload what the files say then. */
class FakeMachine implements CaddyMachine {
  readonly files = new Map<string, string>([[SETTINGS.caddyfile, MAIN]]);
  readonly calls: { argv: string; input: string | undefined; cwd: string | undefined; asService: boolean | undefined }[] = [];
  served = '';
  duringReload: () => Promise<void> = async () => undefined;
  refuses: 'nothing' | 'validate' | 'reload' | 'silently' = 'nothing';
  state: 'running' | 'stopped' | 'hanging' = 'running';
  isInstalled = true;

  readText = async (path: string) => this.files.get(path) ?? null;
  /** Of the file of routes; undefined: everybody. */
  readers: string | null | undefined;
  writeText: CaddyMachine['writeText'] = async (path, content, readers) => {
    this.files.set(path, content);
    this.readers = readers?.group;
  };
  remove = async (path: string) => void this.files.delete(path);
  listFiles = async (directory: string) =>
    [...this.files.keys()].filter((path) => path.startsWith(`${directory}/`)).map((path) => path.slice(directory.length + 1));

  run: CaddyMachine['run'] = async (file, args, { input, cwd, asService }) => {
    const argv = [file, ...args].join(' ');
    if (argv === 'systemctl reload caddy' && this.state === 'hanging') {
      return { code: null, output: 'systemctl did not end in 20 s' };
    }
    this.calls.push({ argv, input, cwd, asService });
    if (file === 'caddy' && !this.isInstalled) return { code: null, output: 'caddy: not found' };
    if (argv.startsWith('systemctl show --property=ExecReload')) return { code: 0, output: `${this.execReload}\n` };
    if (argv.startsWith('systemctl show --property=User')) return { code: 0, output: 'web\n' };
    if (argv.startsWith('systemctl show --property=Group')) return { code: 0, output: `${this.group}\n` };
    if (argv === 'id -gn web') return { code: 0, output: 'webs\n' };
    if (argv === 'caddy version') return { code: 0, output: '2.6.2\n' };
    if (argv.startsWith('caddy validate') && this.refuses === 'validate') {
      return { code: 1, output: '{"level":"info"}\nError: adapting config: ambiguous site definition: http://shop.test' };
    }
    if (argv === 'systemctl reload caddy') {
      await this.duringReload();
      if (this.refuses === 'reload' || this.state === 'stopped') return { code: 1, output: 'Job for caddy.service failed.' };
      if (this.refuses !== 'silently') this.served = [...this.files.values()].join('\n');
    }
    return { code: 0, output: '' };
  };

  loads = 0;
  loadAgain = async () => {
    this.loads += 1;
  };
  execReload = 'argv[]=/usr/bin/caddy reload --config /etc/caddy/Caddyfile --force ;';
  group = 'caddy';

  /** What was asked for. */
  readonly reads: string[] = [];
  readConfig = async (path: string) => {
    this.reads.push(path);
    if (this.state === 'stopped') return null;
    return { value: path === '' ? [...this.served.matchAll(/"(\S+ [a-f0-9]{16})"/g)].map((match) => match[1]) : null };
  };

  count(argv: string): number {
    return this.calls.filter((call) => call.argv.startsWith(argv)).length;
  }
}

function start() {
  const machine = new FakeMachine();
  return { machine, driver: new CaddyDriver(SETTINGS, machine, signal) };
}

describe('CaddyDriver', () => {
  it("checks the candidate within the operator's file, from its directory and as Caddy's user, before it is put in place", async () => {
    const { machine, driver } = start();
    machine.files.set('/etc/caddy/nextdeploy/other.caddy', "# the operator's");
    await driver.apply('shop', route(), signal);
    const validation = machine.calls.find(({ argv }) => argv.startsWith('caddy validate'));
    expect(validation).toMatchObject({
      argv: 'caddy validate --adapter caddyfile --config -',
      cwd: '/etc/caddy',
      asService: true,
    });
    expect(validation?.input).toMatch(/^own\.test \{[\s\S]*# the operator's\n[\s\S]*http:\/\/shop\.test \{[\s\S]*other\.test \{/);
    expect(validation?.input).not.toContain('import');
    expect(machine.files.get(FILE)).toContain('http://shop.test {');
    expect(machine.files.get(SETTINGS.caddyfile)).toBe(MAIN);
  });

  it('says of each route whether Caddy runs with it, by one look', async () => {
    const { machine, driver } = start();
    const other = { ...route('other.test'), app_name: 'other' };
    await driver.apply('shop', route(), signal);
    machine.reads.length = 0;
    const asked = [route(), route('new.test'), other];
    const different = 'it does not run with the new route';
    expect(await driver.differences(asked, signal)).toEqual([null, different, different]);
    expect(machine.reads).toHaveLength(1);
    machine.state = 'stopped';
    await expect(driver.differences(asked, signal)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('does not reload when Caddy serves the route already', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    await driver.apply('shop', route(), signal);
    expect(machine.count('systemctl reload')).toBe(1);
    await driver.apply('shop', null, signal);
    await driver.apply('shop', null, signal);
    expect(machine.count('systemctl reload')).toBe(2);
    expect(machine.files.has(FILE)).toBe(false);
  });

  it('reloads after a crash between rename and reload, when the file says what Caddy does not know', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    machine.served = '';
    await driver.apply('shop', route(), signal);
    expect(machine.count('systemctl reload')).toBe(2);
  });

  it('changes nothing when Caddy refuses the candidate, and says what Caddy says', async () => {
    const { machine, driver } = start();
    machine.refuses = 'validate';
    const refusal = { code: 'unprocessable', message: expect.stringContaining('ambiguous site definition: http://shop.test') };
    await expect(driver.apply('shop', route(), signal)).rejects.toMatchObject(refusal);
    expect(machine.files.has(FILE)).toBe(false);
    expect(machine.count('systemctl reload')).toBe(0);
  });

  it.each(['reload', 'silently'] as const)('restores the file when the reload fails (%s)', async (refuses) => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    const before = machine.files.get(FILE);
    machine.refuses = refuses;
    await expect(driver.apply('shop', route('new.test'), signal)).rejects.toMatchObject({ code: 'unavailable' });
    expect(machine.files.get(FILE)).toBe(before);
  });

  it('lets Caddy alone read a file with hashes of passwords', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    expect(machine.readers).toBeUndefined();
    const guarded = { ...route(), options: { ...NO_OPTIONS, basic_auth: [{ username: 'ann', password_hash: HASH }] } };
    await driver.apply('shop', guarded, signal);
    expect(machine.readers).toBe('caddy');
    machine.group = '';
    await driver.apply('blog', { ...route('blog.test'), app_name: 'blog' }, signal);
    expect(machine.readers).toBe('webs');
  });

  it('has certificates read anew by a reload, and once more where the unit would pass over what is the same', async () => {
    const { machine, driver } = start();
    await Promise.all([driver.reloadCertificates(signal), driver.apply('shop', route(), signal)]);
    expect([machine.count('systemctl reload') <= 2, machine.loads]).toEqual([true, 0]);
    machine.execReload = 'argv[]=/usr/bin/caddy reload --config /etc/caddy/Caddyfile ;';
    const before = machine.count('systemctl reload');
    await driver.reloadCertificates(signal);
    expect([machine.count('systemctl reload') - before, machine.loads]).toEqual([1, 1]);
    await driver.apply('shop', null, signal);
    expect(machine.loads).toBe(1);
  });

  it('says which line the operator has to add when his file does not import ours', async () => {
    const { machine, driver } = start();
    machine.files.set(SETTINGS.caddyfile, ':80 {\n}\n# import /etc/caddy/nextdeploy/*.caddy\n');
    await expect(driver.check(signal)).rejects.toThrow('add the line `import /etc/caddy/nextdeploy/*.caddy`');
    machine.files.set(SETTINGS.caddyfile, MAIN);
    await expect(driver.check(signal)).resolves.toBeUndefined();
  });

  it('says that a reload took too long, and ends one when the daemon stops', async () => {
    const { machine } = start();
    machine.state = 'hanging';
    const stopping = new AbortController();
    let given: AbortSignal | undefined;
    const run = machine.run;
    machine.run = (file, args, options) => {
      if (args[0] === 'reload') given = options.signal;
      return run(file, args, options);
    };
    const driver = new CaddyDriver(SETTINGS, machine, stopping.signal);
    const failure = { code: 'unavailable', message: expect.stringContaining('systemctl did not end in 20 s') };
    await expect(driver.apply('shop', route(), signal)).rejects.toMatchObject(failure);
    stopping.abort(new Error('the daemon stops'));
    expect(given?.reason).toEqual(new Error('the daemon stops'));
  });

  it('says before anything is done that Caddy does not run', async () => {
    const { machine, driver } = start();
    machine.state = 'stopped';
    await expect(driver.check(signal)).rejects.toThrow('Caddy does not run');
  });

  it('takes a route away without a running Caddy, which will not serve it when it is back', async () => {
    const { machine, driver } = start();
    machine.state = 'stopped';
    await driver.apply('shop', null, signal);
    machine.state = 'running';
    await driver.apply('shop', route(), signal);
    machine.state = 'stopped';
    await driver.apply('shop', null, signal);
    expect(machine.files.has(FILE)).toBe(false);
  });

  it('takes routes away from a Caddy that was uninstalled, and still cannot add one', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    await driver.apply('blog', { ...route('blog.test'), app_name: 'blog' }, signal);
    machine.state = 'stopped';
    machine.isInstalled = false;
    machine.files.delete(SETTINGS.caddyfile);
    const restarted = new CaddyDriver(SETTINGS, machine, signal);
    await restarted.apply('shop', null, signal);
    expect(await restarted.listApps()).toEqual(['blog']);
    expect(machine.files.get(FILE)).not.toContain('shop.test');
    await expect(restarted.apply('shop', route(), signal)).rejects.toMatchObject({ code: 'unavailable' });
    await restarted.apply('blog', null, signal);
    expect(machine.files.has(FILE)).toBe(false);
  });

  it('leaves nothing behind of a new route when Caddy goes away in between', async () => {
    const { machine, driver } = start();
    machine.duringReload = async () => {
      machine.state = 'stopped';
    };
    await expect(driver.apply('shop', route(), signal)).rejects.toMatchObject({ code: 'unavailable' });
    await driver.apply('shop', null, signal);
    expect(machine.files.has(FILE)).toBe(false);
  });

  it('shares reloads among changes that come at once', async () => {
    const { machine, driver } = start();
    const apps = ['shop', 'blog', 'docs', 'mail', 'wiki'];
    // The first reload lasts until all files are there.
    machine.duringReload = async () => {
      while (!apps.every((app) => machine.files.get(FILE)?.includes(`# app ${app} `))) await new Promise(setImmediate);
    };
    const changes = apps.map((app) => driver.apply(app, { ...route(`${app}.test`), app_name: app }, signal));
    await Promise.all(changes);
    expect(machine.count('systemctl reload')).toBe(2);
    expect(apps.every((app) => machine.served.includes(`http://${app}.test`))).toBe(true);
  });

  it('keeps one file for all apps, and knows from it which they are', async () => {
    const { machine, driver } = start();
    expect(await driver.listApps()).toEqual([]);
    await driver.apply('shop', route(), signal);
    await driver.apply('blog', { ...route('blog.test'), app_name: 'blog' }, signal);
    expect(await driver.listApps()).toEqual(['blog', 'shop']);
    await driver.apply('shop', null, signal);
    expect(await driver.listApps()).toEqual(['blog']);
    expect(machine.served).toContain('http://blog.test');
    expect(machine.served).not.toContain('http://shop.test');
  });

  describe('where each app has a file of the layout before', () => {
    const FORMER = '# Written by NextDeploy for the app shop, generation 01ab; …\nhttp://shop.test {\n}\n';
    const startWithFormer = () => {
      const { machine, driver } = start();
      for (const name of ['shop', 'blog'])
        machine.files.set(`/etc/caddy/nextdeploy/${name}.caddy`, FORMER.replaceAll('shop', name));
      machine.files.set('/etc/caddy/nextdeploy/own.caddy', "# the operator's\n");
      const names = () => machine.listFiles(SETTINGS.directory).then((all) => all.toSorted((a, b) => a.localeCompare(b)));
      return { machine, driver, names };
    };

    it('takes that of the changed app away and no other, so that the other sites are served on', async () => {
      const { machine, driver, names } = startWithFormer();
      await driver.apply('shop', route(), signal);
      expect(await names()).toEqual(['blog.caddy', 'own.caddy', 'routes.caddy']);
      expect(machine.calls.find(({ argv }) => argv.startsWith('caddy validate'))?.input?.match(/http:\/\/\S+/g)).toEqual([
        'http://blog.test',
        'http://shop.test',
      ]);
    });

    it.each(['validate', 'reload', 'silently'] as const)('still has it when the change fails (%s)', async (refuses) => {
      const { machine, driver, names } = startWithFormer();
      machine.refuses = refuses;
      await expect(driver.apply('shop', route(), signal)).rejects.toThrow();
      expect(await names()).toEqual(['blog.caddy', 'own.caddy', 'shop.caddy']);
      expect(machine.files.get('/etc/caddy/nextdeploy/shop.caddy')).toBe(FORMER);
    });

    it('has Caddy forget an app of which it had only that', async () => {
      const { machine, driver, names } = startWithFormer();
      await driver.apply('shop', null, signal);
      expect(await names()).toEqual(['blog.caddy', 'own.caddy']);
      expect(machine.count('systemctl reload')).toBe(1);
    });
  });

  it("refuses routes where their file would be one of the operator's, and never takes that away", async () => {
    const { machine, driver } = start();
    const own = '# app server\nown2.test {\n}\n';
    machine.files.set(FILE, own);
    const refusal = { code: 'conflict', message: expect.stringMatching(/nextdeploy\/routes\.caddy .* rename it, or move it/) };
    await expect(driver.check(signal, route())).rejects.toMatchObject(refusal);
    await expect(driver.apply('shop', route(), signal)).rejects.toMatchObject(refusal);
    await driver.apply('shop', null, signal);
    expect([machine.files.get(FILE), machine.count('systemctl reload')]).toEqual([own, 0]);
    expect(await driver.listApps()).toEqual([]);
  });

  it('brings back one app alone when its change fails, whatever others have changed since', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    machine.duringReload = async () => {
      machine.duringReload = async () => undefined;
      machine.refuses = 'reload';
      await expect.poll(() => machine.files.get(FILE)).toContain('# app blog ');
    };
    const shop = driver.apply('shop', route('new.test'), signal);
    shop.catch(() => {
      machine.refuses = 'nothing';
    });
    await expect.poll(() => machine.files.get(FILE)).toContain('new.test');
    const blog = driver.apply('blog', { ...route('blog.test'), app_name: 'blog' }, signal);
    await expect(shop).rejects.toMatchObject({ code: 'unavailable' });
    await Promise.allSettled([blog]);
    expect(machine.files.get(FILE)).toContain('http://shop.test');
    expect(machine.files.get(FILE)).not.toContain('new.test');
  });

  it('fails no change of another app because the reload before it failed, however long a check is in the way', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    const isBad = () => machine.files.get(FILE)?.includes('new.test') === true;
    const run = machine.run;
    machine.run = async (file, args, options) => {
      if (args[0] === 'validate' && options.input?.includes('docs.test')) await new Promise((resolve) => setTimeout(resolve, 50));
      if (args[0] === 'reload') machine.refuses = isBad() ? 'reload' : 'nothing';
      return run(file, args, options);
    };
    machine.duringReload = async () => {
      machine.duringReload = async () => undefined;
      await expect.poll(() => machine.files.get(FILE)).toContain('# app blog ');
    };
    const change = (app: string) => driver.apply(app, { ...route(`${app}.test`), app_name: app }, signal);
    const shop = driver.apply('shop', route('new.test'), signal);
    const others = [change('blog'), change('docs')];
    await expect(shop).rejects.toMatchObject({ code: 'unavailable' });
    expect((await Promise.allSettled(others)).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(await driver.listApps()).toEqual(['blog', 'docs', 'shop']);
    expect(isBad()).toBe(false);
  });

  it('has Caddy itself check a route before anything is done, and only one that it does not serve', async () => {
    const { machine, driver } = start();
    await driver.apply('shop', route(), signal);
    const before = new Map(machine.files);
    const count = machine.count('caddy validate');
    await driver.check(signal, route());
    expect(machine.count('caddy validate')).toBe(count);
    machine.refuses = 'validate';
    const other: RouteModel = { ...route('other.test'), sites: [...route('other.test').sites, ...route().sites] };
    const refusal = { code: 'unprocessable', message: expect.stringContaining('ambiguous'), details: { domain: 'shop.test' } };
    await expect(driver.check(signal, other)).rejects.toMatchObject(refusal);
    expect(machine.files).toEqual(before);
    expect(machine.count('systemctl reload')).toBe(1);
  });

  it('asks for no more of the configuration than it needs', async () => {
    const { machine, driver } = start();
    await driver.check(signal);
    expect(machine.reads).toEqual(['admin']);
  });
});

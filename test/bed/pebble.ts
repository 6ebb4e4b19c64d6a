/**
 * An ACME authority on a bed: Debian's pebble, with a DNS server that says where the names are (127.0.0.1, unless a test says otherwise).
 * It validates at the server's ports 80 and 443. In front of it stands an nginx of its own, which limits orders where a test wants that.
 * Essentials for users:
 *
 *   const pebble = await startPebble(bed);
 *   … `certificates: {acme_directory: pebble.directory, acme_ca_root: pebble.ca_root}` in the daemon's configuration …
 *   await pebble.breakName('shop.example.com');    // its challenges fail from now on
 *   await pebble.stop();
 */
import type { Bed } from './bed.ts';
import { waitFor } from './run.ts';

export interface Pebble {
  /** URL of the ACME directory, on the server. */
  directory: string;
  /** On the server: the file of whom to trust when talking to it. */
  ca_root: string;
  /** PEM: the root of what it issues now; another one after each start. */
  readRoot(): Promise<string>;
  /** The name leads nowhere, or again to the server. */
  breakName(domain: string): Promise<void>;
  mendName(domain: string): Promise<void>;
  /** Every order is refused, until then (RFC 3339) as it says; null: no more. */
  limitOrders(until: string | null): Promise<void>;
  /** Nothing answers any more, as if its host were gone. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Idempotent. */
  stop(): Promise<void>;
}

const HOME = '/etc/nextdeploy-bed-pebble';
const PORTS = { front: 14_000, acme: 14_001, management: 15_000, dns: 8_053, dns_management: 8_055 } as const;
const READY_MS_MAX = 20_000;
const UNITS = { dns: 'bed-pebble-dns', acme: 'bed-pebble', front: 'bed-pebble-front' } as const;

const SETTINGS = {
  pebble: {
    listenAddress: `127.0.0.1:${PORTS.acme}`,
    managementListenAddress: `127.0.0.1:${PORTS.management}`,
    certificate: `${HOME}/server.crt`,
    privateKey: `${HOME}/server.key`,
    httpPort: 80,
    tlsPort: 443,
    ocspResponderURL: '',
    externalAccountBindingRequired: false,
  },
};

/** Pebble answers for the host that it was asked as. */
const FRONT = `worker_processes 1;
pid /run/${UNITS.front}.pid;
error_log stderr;
events {}
http {
	access_log off;
	server {
		listen 127.0.0.1:${PORTS.front} ssl;
		ssl_certificate ${HOME}/server.crt;
		ssl_certificate_key ${HOME}/server.key;
		proxy_set_header Host $http_host;
		location / {
			proxy_pass https://127.0.0.1:${PORTS.acme};
		}
		location /order-plz {
			error_page 429 /limit.json;
			if (-f ${HOME}/limit.json) {
				return 429;
			}
			proxy_pass https://127.0.0.1:${PORTS.acme};
		}
		location = /limit.json {
			internal;
			root ${HOME};
			types { }
			default_type application/problem+json;
			add_header Retry-After 3600 always;
		}
	}
}
`;

/** Starts it anew; one that runs already is replaced. Throws with the journal's end when it does not come up. */
export async function startPebble(bed: Bed): Promise<Pebble> {
  const run = (argv: string[], input?: string) => inServer(bed, argv, input);
  const put = (name: string, content: string) => run(['tee', `${HOME}/${name}`], content);
  const manage = async (path: string, body: object) => {
    const url = `http://127.0.0.1:${PORTS.dns_management}/${path}`;
    await run(['curl', '--fail', '--silent', '--show-error', '--data', JSON.stringify(body), url]);
  };
  const up = async () => {
    await start(
      bed,
      UNITS.acme,
      [`PEBBLE_VA_NOSLEEP=1`, 'PEBBLE_AUTHZREUSE=0', 'PEBBLE_WFE_NONCEREJECT=0'],
      [...['pebble', '-config', `${HOME}/pebble.json`, '-dnsserver', `127.0.0.1:${PORTS.dns}`]],
    );
    const answers = () =>
      run(['curl', '--fail', '--silent', '--cacert', `${HOME}/ca.crt`, `https://localhost:${PORTS.front}/dir`]);
    await waitFor('the answer of pebble', answers, { timeoutMs: READY_MS_MAX }).catch(async (cause: unknown) => {
      const units = Object.values(UNITS).flatMap((unit) => ['-u', unit]);
      const { stdout } = await bed.exec(['journalctl', ...units, '-n', '20', '--no-pager', '-o', 'cat']);
      throw new Error(`pebble did not come up:\n${stdout}`, { cause });
    });
  };
  await clear(bed);
  await run(['mkdir', '-p', HOME]);
  await makeServerCertificate(run, put);
  await put('pebble.json', JSON.stringify(SETTINGS));
  await put('front.conf', FRONT);
  await start(
    bed,
    UNITS.dns,
    [],
    [
      ...['pebble-challtestsrv', '-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-dns01', `127.0.0.1:${PORTS.dns}`],
      ...['-management', `127.0.0.1:${PORTS.dns_management}`, '-http01', '', '-https01', '', '-tlsalpn01', ''],
    ],
  );
  await start(bed, UNITS.front, [], ['nginx', '-c', `${HOME}/front.conf`, '-g', 'daemon off;']);
  await up();
  return {
    directory: `https://localhost:${PORTS.front}/dir`,
    ca_root: `${HOME}/ca.crt`,
    readRoot: async () =>
      (await run(['curl', '--fail', '--silent', '--cacert', `${HOME}/ca.crt`, `https://localhost:${PORTS.management}/roots/0`]))
        .stdout,
    breakName: (domain) => manage('set-servfail', { host: `${domain}.` }),
    mendName: (domain) => manage('clear-servfail', { host: `${domain}.` }),
    // Looked for at each order: a reload would leave connections that are kept with what was before.
    limitOrders: async (until) => {
      if (until === null) await run(['rm', '-f', `${HOME}/limit.json`]);
      else await put('limit.json', limitOf(until));
    },
    down: () => stop(bed, UNITS.acme),
    up,
    stop: () => clear(bed),
  };
}

/** As Let's Encrypt words it. */
function limitOf(until: string): string {
  const time = until.replace('T', ' ').replace(/\..*|Z$/, '');
  const problem = {
    type: 'urn:ietf:params:acme:error:rateLimited',
    detail: `too many certificates (5) already issued for this exact set of domains in the last 168h0m0s, retry after ${time} UTC`,
    status: 429,
  };
  return JSON.stringify(problem);
}

async function makeServerCertificate(
  run: (argv: string[], input?: string) => Promise<unknown>,
  put: (name: string, content: string) => Promise<unknown>,
): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const path = (name: string) => `${HOME}/${name}`;
  await run([
    'openssl',
    'req',
    '-x509',
    ...key,
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.crt'),
    '-subj',
    '/CN=bed',
    '-days',
    '30',
  ]);
  await run(['openssl', 'req', ...key, '-keyout', path('server.key'), '-out', path('server.csr'), '-subj', '/CN=localhost']);
  await put('extensions', 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  const authority = ['-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-CAcreateserial', '-extfile', path('extensions')];
  await run(['openssl', 'x509', '-req', '-in', path('server.csr'), ...authority, '-days', '30', '-out', path('server.crt')]);
  // Caddy's user reads whom to trust.
  await run(['chmod', '0644', path('ca.crt')]);
}

async function start(bed: Bed, unit: string, environment: string[], argv: string[]): Promise<void> {
  await bed.exec(['systemctl', 'reset-failed', unit]);
  const set = environment.map((one) => `--setenv=${one}`);
  await inServer(bed, ['systemd-run', '--quiet', '--collect', `--unit=${unit}`, ...set, '--', ...argv]);
}

async function stop(bed: Bed, unit: string): Promise<void> {
  await bed.exec(['systemctl', 'stop', unit], { timeoutMs: 30_000 });
}

async function clear(bed: Bed): Promise<void> {
  for (const unit of Object.values(UNITS)) await stop(bed, unit);
  await inServer(bed, ['rm', '-rf', HOME]);
}

async function inServer(bed: Bed, argv: string[], input?: string): Promise<{ stdout: string }> {
  const result = await bed.exec(argv, { timeoutMs: 60_000, ...(input === undefined ? {} : { input }) });
  if (result.code !== 0) throw new Error(`${argv.join(' ')} failed in the server: ${result.stderr || result.stdout}`);
  return result;
}

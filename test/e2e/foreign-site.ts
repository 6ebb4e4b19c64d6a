/** A site of the operator's own in one of the server's proxies, in a file of his. */
import type { ProxyType } from '../../daemon/contract/names.ts';
import type { Bed } from '../bed/bed.ts';
import { expectSuccess } from '../bench/server-tools.ts';
import { entryOf, until, visit } from './engine-harness.ts';

export interface ForeignSite {
  domain: string;
  /** How often the proxy was told to read its files again since the site is there. */
  countReloads(): Promise<number>;
  remove(): Promise<void>;
}

const DOMAIN = 'operators-own.test';
const FILE = { caddy: '/etc/caddy/Caddyfile', nginx: '/etc/nginx/conf.d/operators-own.conf' } as const;
/** Answers as the tiny app does. */
const SITE = {
  caddy: `http://${DOMAIN} {\n\trespond "v1\n"\n}\n`,
  nginx: `server {\n\tlisten 8080;\n\tserver_name ${DOMAIN};\n\tdefault_type text/plain;\n\treturn 200 "v1\\n";\n}\n`,
} as const;

export async function placeForeignSite(bed: Bed, proxy: ProxyType): Promise<ForeignSite> {
  const file = FILE[proxy];
  const before = proxy === 'caddy' ? await expectSuccess(bed, ['cat', file]) : null;
  await expectSuccess(bed, ['tee', file], { input: `${before ?? ''}\n${SITE[proxy]}` });
  await expectSuccess(bed, ['systemctl', 'reload', proxy]);
  // A reload of nginx returns before the new workers answer.
  const ask = () => visit(bed, DOMAIN, '/', {}, entryOf(bed, proxy));
  await until("the operator's own site", ask, ({ body }) => body === 'v1\n');
  const cursor = /-- cursor: (.*)/.exec(await journal(bed, proxy, ['--lines=0', '--show-cursor']))?.[1] ?? '';
  return {
    domain: DOMAIN,
    countReloads: async () => (await journal(bed, proxy, [`--after-cursor=${cursor}`])).match(/Reloaded /g)?.length ?? 0,
    remove: async () => {
      if (before === null) await expectSuccess(bed, ['rm', '--force', file]);
      else await expectSuccess(bed, ['tee', file], { input: before });
      await expectSuccess(bed, ['systemctl', 'reload', proxy]);
    },
  };
}

function journal(bed: Bed, unit: string, more: string[]): Promise<string> {
  return expectSuccess(bed, ['journalctl', '--unit', unit, '--no-pager', ...more]);
}

/** Certificates: what is served, renewals, and those of one's own. */
import type { Command } from 'commander';
import { readUserFile } from '../host/user-files.ts';
import { certificateTable } from './certificate-views.ts';
import { confirmByName } from './confirm.ts';
import type { Act } from './context.ts';
import { printable, tableColumns } from './terminal.ts';

/** An authority takes its time; the daemon answers before. */
const RENEW_MS_MAX = 60_000;

export function addCertificates(program: Command, act: Act): void {
  const certs = program
    .command('certs')
    .description('list the certificates as they are served, with the days that are left')
    .action((_flags, command: Command) =>
      act(command, async ({ client, show, terminal }) => {
        const found = await client.call('listCertificates');
        await show(found, () => certificateTable(found, tableColumns(terminal)));
      }),
    );
  certs
    .command('renew <domain>')
    .description('obtain a new certificate now, however long the one that is served still lasts')
    .action((domain: string, _flags, command: Command) =>
      act(command, async ({ client, show }) => {
        const renewed = await client.call('renewCertificate', { body: { domain }, timeout_ms: RENEW_MS_MAX });
        const until = renewed.served === null ? '' : ` and expires at ${renewed.served.not_after}`;
        await show(renewed, () => `The new certificate of ${domain} is served${until}.`);
      }),
    );
  certs
    .command('import <domain>')
    .description('keep a certificate of your own, and serve it where an app with tls import has the domain')
    .requiredOption('--cert <file>', 'the certificate followed by its intermediates, in PEM')
    .requiredOption('--key <file>', 'its private key without a passphrase, in PEM')
    .addHelpText('after', IMPORT_HELP)
    .action((domain: string, { cert, key }: { cert: string; key: string }, command: Command) =>
      act(command, async ({ client, show }) => {
        const [certificate, private_key] = await Promise.all([readUserFile(cert), readUserFile(key)]);
        const imported = await client.call('importCertificate', { body: { domain, certificate, key: private_key } });
        await show(imported, () => `The certificate of ${domain} is imported. ${imported.detail}`);
      }),
    );
  certs
    .command('remove <domain>')
    .description('forget an imported certificate that nothing uses')
    .option('-y, --yes', 'do not ask, for scripts')
    .action((domain: string, { yes }: { yes?: boolean }, command: Command) =>
      act(command, async ({ client, show, terminal }) => {
        if (yes !== true) {
          const what = `This removes the imported certificate of ${printable(domain)} and its key`;
          await confirmByName(terminal, domain, { what, nothing: 'Nothing was removed' });
        }
        const removed = await client.call('removeCertificate', { params: { domain } });
        await show(removed, () => `The imported certificate of ${removed.domain} is removed.`);
      }),
    );
}

const IMPORT_HELP = `
Examples:
  nextdeploy certs import shop.example.com --cert fullchain.pem --key privkey.pem
  nextdeploy deploy shop --image shop:v1 --domain shop.example.com --tls import`;

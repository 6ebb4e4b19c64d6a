import type { Page } from 'playwright-core';
import type { Shot } from './shots.ts';

const CERTIFICATES = '/hosts/web-1/certificates';
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const dialog = (page: Page) => page.getByRole('dialog');
const listed = (page: Page) => page.getByRole('table', { name: 'Certificates' }).waitFor();

async function importOne(page: Page, key: string): Promise<void> {
  await listed(page);
  await button(page, 'Import…').click();
  await dialog(page).getByLabel('Domain').first().fill('docs.example.com');
  await dialog(page).getByLabel('Certificate', { exact: true }).fill(`${PEM}${PEM}`);
  await dialog(page).getByLabel('Private key').fill(key);
  await button(page, 'Check and import').click();
}

const PEM = '-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQyY\n-----END CERTIFICATE-----\n';

/** Certificates: what visitors get, and what can be done about it. */
export const CERTIFICATE_SHOTS: Shot[] = [
  { name: 'certificates', scenario: 'full', path: CERTIFICATES, act: listed },
  { name: 'certificates-narrow', scenario: 'full', path: CERTIFICATES, isNarrow: true, act: listed },
  {
    name: 'certificates-empty',
    scenario: 'questions',
    path: '/hosts/quiet/certificates',
    act: (page) => page.getByText('No certificates on this host').waitFor(),
  },
  {
    name: 'certificates-detail',
    scenario: 'full',
    path: CERTIFICATES,
    async act(page) {
      await listed(page);
      await button(page, 'blog.example.com').click();
      await dialog(page).getByText('Kept on the server').waitFor();
    },
  },
  {
    name: 'certificates-import-wrong',
    scenario: 'full',
    path: CERTIFICATES,
    async act(page) {
      await importOne(page, '-----BEGIN PRIVATE KEY-----\nOTHER\n-----END PRIVATE KEY-----');
      await dialog(page).getByText('not the key of this certificate').waitFor();
    },
  },
  {
    name: 'certificates-renew',
    scenario: 'full',
    path: CERTIFICATES,
    async act(page) {
      await listed(page);
      await button(page, 'Renew: www.shop.example.com').click();
      await button(page, 'Renew').click();
      await page.getByText('The certificate was not renewed').waitFor();
    },
  },
  {
    name: 'certificates-remove',
    scenario: 'full',
    path: CERTIFICATES,
    async act(page) {
      await listed(page);
      await button(page, 'Remove: old.example.com').click();
      await dialog(page).waitFor();
    },
  },
  {
    name: 'certificates-app',
    scenario: 'full',
    path: '/hosts/web-1/apps/shop',
    act: (page) => page.getByRole('region', { name: 'Certificates' }).getByText('Served').waitFor(),
  },
];

import type { Page } from 'playwright-core';
import type { Shot } from './shots.ts';

const BACKUP = '/hosts/web-1/backup';
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

async function rehearse(page: Page, passphrase: string): Promise<void> {
  const file = { name: 'backup-web-1-2026-11-25.age', mimeType: 'application/octet-stream', buffer: Buffer.alloc(700_000) };
  await page.locator('input[type="file"]').setInputFiles(file);
  await page.getByLabel('Its passphrase').fill(passphrase);
  await button(page, 'Rehearse').click();
}

/** A host in one file, and back. */
export const BACKUP_SHOTS: Shot[] = [
  {
    name: 'backup',
    scenario: 'full',
    path: BACKUP,
    async act(page) {
      await page.getByLabel('Passphrase', { exact: true }).fill('ocelot brisk tundra vowel lantern quartz');
      await page.getByLabel('The passphrase again').fill('ocelot brisk');
      await button(page, 'Download backup').click();
      await page.getByText('It differs').waitFor();
    },
  },
  { name: 'backup-narrow', scenario: 'full', path: BACKUP, isNarrow: true },
  {
    name: 'backup-rehearsed',
    scenario: 'full',
    path: BACKUP,
    isTall: true,
    async act(page) {
      await rehearse(page, 'ocelot brisk tundra vowel');
      await page.getByRole('table', { name: 'What changes' }).waitFor();
    },
  },
  {
    name: 'backup-refused',
    scenario: 'full',
    path: BACKUP,
    async act(page) {
      await rehearse(page, 'the wrong passphrase');
      await page.getByText('does not open this file').waitFor();
    },
  },
  {
    name: 'backup-restored',
    scenario: 'full',
    path: BACKUP,
    isTall: true,
    async act(page) {
      await rehearse(page, 'ocelot brisk tundra vowel');
      await page.getByLabel('Type web-1 to confirm').fill('web-1');
      await button(page, 'Restore web-1').click();
      await page.getByText('is what the backup says').waitFor();
    },
  },
];

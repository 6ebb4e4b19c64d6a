import type { Page } from 'playwright-core';
import { ACCESS_SHOTS } from './access-shots.ts';
import { BACKUP_SHOTS } from './backup-shots.ts';
import { CERTIFICATE_SHOTS } from './certificate-shots.ts';
import { LIFE_SHOTS } from './life-shots.ts';
import { ROUTE_SHOTS } from './route-shots.ts';
import type { ScenarioName } from './scenarios.ts';
import { SECRET_SHOTS } from './secret-shots.ts';

/** One picture: where, and what is done there first. */
export interface Shot {
  name: string;
  scenario: ScenarioName;
  path: string;
  isNarrow?: boolean;
  /** 1280 px: a small laptop. */
  isMedium?: boolean;
  /** For a dialog that is long. */
  isTall?: boolean;
  act?(page: Page): Promise<unknown>;
}

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const dialog = (page: Page) => page.getByRole('dialog');
const settled = (page: Page) => page.locator('[data-points]:not([data-points="0"])').first().waitFor();
const figures = (page: Page) => page.locator('.nd-fleet-figures').first().waitFor();
const lines = (page: Page) => page.locator('.nd-log-row').nth(5).waitFor();

async function openSwap(page: Page): Promise<void> {
  await button(page, 'Swap').click();
  await dialog(page).getByRole('radio').first().waitFor();
}

async function fillHost(page: Page): Promise<void> {
  await button(page, 'Add host').click();
  await page.getByLabel('Name').fill('web-2');
  await page.getByLabel('Address').fill('203.0.113.80');
  await page.getByLabel('Private key file').fill('/home/you/.ssh/id_ed25519');
}

async function fillDeploy(page: Page): Promise<void> {
  await button(page, 'Deploy').click();
  await page.getByLabel('App name').fill('Shop!');
  await page.getByRole('combobox', { name: 'Image' }).fill('checkout:v9');
  await page.getByLabel('Domain').fill('shop.example.com');
  await button(page, 'Paste .env').click();
  await page.getByLabel('Text of the .env file').fill('DATABASE_URL=postgres://db/shop\nLOG_LEVEL="debug"');
  await button(page, 'Take 2 variables').click();
  await dialog(page).getByRole('button', { name: 'Deploy', exact: true }).click();
}

async function fillExisting(page: Page): Promise<void> {
  await button(page, 'Deploy').click();
  await page.getByLabel('App name').fill('checkout');
  await page.getByTestId('deploy-changes').waitFor();
  await page.getByRole('combobox', { name: 'Image' }).fill('checkout:v9');
  await page.getByLabel('Port').fill('99999');
  await button(page, 'Remove LOG_LEVEL').click();
}

async function loseLink(page: Page): Promise<void> {
  await lines(page);
  await page.evaluate(() => window.dispatchEvent(new Event('scripted-link-lost')));
  await page.getByText('The console lost its core').waitFor();
}

async function swap(page: Page): Promise<void> {
  await openSwap(page);
  await dialog(page).getByRole('button', { name: 'Swap', exact: true }).click();
}

async function swapLive(page: Page): Promise<void> {
  await swap(page);
  await page.locator('[data-step="probe"][data-state="running"]').waitFor();
}

export const SHOTS: Shot[] = [
  { name: 'fleet', scenario: 'full', path: '/', act: figures },
  { name: 'fleet-narrow', scenario: 'full', path: '/', isNarrow: true, act: figures },
  { name: 'fleet-empty', scenario: 'empty', path: '/' },
  { name: 'fleet-questions', scenario: 'questions', path: '/', act: figures },
  { name: 'host', scenario: 'full', path: '/hosts/web-1', act: settled },
  { name: 'host-narrow', scenario: 'full', path: '/hosts/web-1', isNarrow: true, act: settled },
  { name: 'host-no-apps', scenario: 'questions', path: '/hosts/quiet', act: settled },
  { name: 'host-images', scenario: 'full', path: '/hosts/web-1/images', act: (page) => page.getByRole('cell').nth(3).waitFor() },
  {
    name: 'host-activity',
    scenario: 'full',
    path: '/hosts/web-1/activity',
    act: (page) => page.getByRole('cell').nth(3).waitFor(),
  },
  {
    name: 'host-terminal',
    scenario: 'full',
    path: '/hosts/web-1/terminal',
    async act(page) {
      await page.getByTestId('terminal').getByText('root@web-1').waitFor();
      await page.keyboard.type('uname -a\n');
      await page.getByTestId('terminal').getByText('PREEMPT_DYNAMIC').waitFor();
    },
  },
  { name: 'host-bare', scenario: 'questions', path: '/hosts/bare' },
  {
    name: 'host-installing',
    scenario: 'questions',
    path: '/hosts/bare',
    async act(page) {
      await button(page, 'Install daemon').click();
      await page.locator('[data-step="stage"]').waitFor();
    },
  },
  { name: 'host-key-changed', scenario: 'questions', path: '/hosts/rebuilt' },
  { name: 'host-reconnecting', scenario: 'questions', path: '/hosts/flaky' },
  { name: 'host-failed', scenario: 'questions', path: '/hosts/gone' },
  {
    name: 'host-key-unknown',
    scenario: 'questions',
    path: '/hosts/new-server',
    async act(page) {
      await button(page, 'Review key…').click();
      await button(page, 'Trust').waitFor();
    },
  },
  {
    name: 'host-passphrase',
    scenario: 'questions',
    path: '/hosts/locked',
    act: (page) => button(page, 'Enter passphrase…').click(),
  },
  { name: 'app', scenario: 'full', path: '/hosts/web-1/apps/shop', act: lines },
  { name: 'app-narrow', scenario: 'full', path: '/hosts/web-1/apps/shop', isNarrow: true, act: lines },
  { name: 'app-failed', scenario: 'full', path: '/hosts/staging/apps/checkout', act: lines },
  { name: 'app-failed-medium', scenario: 'full', path: '/hosts/staging/apps/checkout', isMedium: true, act: lines },
  { name: 'swap-live-medium', scenario: 'full', path: '/hosts/web-1/apps/shop', isMedium: true, act: swapLive },
  { name: 'fleet-medium', scenario: 'full', path: '/', isMedium: true, act: figures },
  { name: 'link-lost', scenario: 'full', path: '/hosts/web-1/apps/shop', act: loseLink },
  { name: 'app-error', scenario: 'full', path: '/hosts/staging/apps/api' },
  { name: 'app-stopped', scenario: 'full', path: '/hosts/staging/apps/legacy' },
  {
    name: 'app-releases',
    scenario: 'full',
    path: '/hosts/web-1/apps/shop/releases',
    act: (page) => page.getByText('r12').last().waitFor(),
  },
  { name: 'app-operations', scenario: 'full', path: '/hosts/web-1/apps/shop/operations' },
  {
    name: 'app-operation-detail',
    scenario: 'full',
    path: '/hosts/staging/apps/checkout/operations',
    act: (page) => button(page, 'Swap to checkout:v9').last().click(),
  },
  { name: 'app-logs', scenario: 'full', path: '/hosts/web-1/apps/shop/logs', act: lines },
  {
    name: 'app-logs-filtered',
    scenario: 'full',
    path: '/hosts/web-1/apps/shop/logs',
    async act(page) {
      await lines(page);
      await page.keyboard.press('/');
      await page.keyboard.type('fetch failed');
      await page.getByText(/\d+ of \d+ lines/).waitFor();
      await button(page, 'Pause').click();
    },
  },
  {
    name: 'app-configuration',
    scenario: 'full',
    path: '/hosts/web-1/apps/shop/configuration',
    act: (page) => page.getByText('LOG_LEVEL').waitFor(),
  },
  { name: 'swap-dialog', scenario: 'full', path: '/hosts/web-1/apps/shop', act: openSwap },
  { name: 'swap-live', scenario: 'full', path: '/hosts/web-1/apps/shop', act: swapLive },
  { name: 'deploy-dialog', scenario: 'full', path: '/hosts/staging', act: fillDeploy },
  { name: 'deploy-existing', scenario: 'full', path: '/hosts/staging', act: fillExisting },
  {
    name: 'retry-dialog',
    scenario: 'full',
    path: '/hosts/staging/apps/portal',
    act: (page) => button(page, 'Try again…').click(),
  },
  {
    name: 'app-never-live',
    scenario: 'full',
    path: '/hosts/staging/apps/portal',
    act: (page) => button(page, 'Try again…').waitFor(),
  },
  { name: 'host-dialog', scenario: 'empty', path: '/', act: fillHost },
  {
    name: 'confirm-stop',
    scenario: 'full',
    path: '/hosts/web-1/apps/shop',
    act: (page) => button(page, 'Stop').click(),
  },
  {
    name: 'palette',
    scenario: 'full',
    path: '/hosts/staging/apps/checkout',
    async act(page) {
      await lines(page);
      await page.keyboard.press('Control+k');
      await page.getByRole('textbox', { name: 'Search' }).fill('swap');
    },
  },
  {
    name: 'asked-elsewhere',
    scenario: 'full',
    path: '/',
    async act(page) {
      await figures(page);
      await page.keyboard.press('Control+k');
      await page.getByRole('textbox', { name: 'Search' }).fill('stop shop');
      await page.keyboard.press('Enter');
      await dialog(page).getByRole('button', { name: 'Stop', exact: true }).waitFor();
    },
  },
  {
    name: 'deploy-renamed',
    scenario: 'full',
    path: '/hosts/staging',
    async act(page) {
      await fillExisting(page);
      await page.getByLabel('App name').fill('checkout-2');
      await page.getByText('Lower case, digits and hyphens.').waitFor();
      await dialog(page).getByRole('button', { name: 'Deploy', exact: true }).click();
    },
  },
  {
    name: 'app-stopped-releases',
    scenario: 'full',
    path: '/hosts/staging/apps/legacy/releases',
    act: (page) => page.getByRole('cell', { name: 'r3', exact: true }).waitFor(),
  },
  {
    name: 'help',
    scenario: 'full',
    path: '/',
    async act(page) {
      await figures(page);
      await page.keyboard.press('?');
      await dialog(page).waitFor();
    },
  },
  { name: 'settings', scenario: 'full', path: '/settings' },
  ...LIFE_SHOTS,
  ...SECRET_SHOTS,
  ...ACCESS_SHOTS,
  ...CERTIFICATE_SHOTS,
  ...ROUTE_SHOTS,
  ...BACKUP_SHOTS,
];

import type { Page } from 'playwright-core';
import type { Shot } from './shots.ts';

const SECRETS = '/hosts/web-1/secrets';
const SHOP = '/hosts/web-1/apps/shop/secrets';
const TOKENS = '/hosts/web-1/tokens';
const AUDIT = '/hosts/web-1/audit';
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const dialog = (page: Page) => page.getByRole('dialog');
const providers = (page: Page) => page.getByRole('table', { name: 'Providers of secrets' }).waitFor();
const tokens = (page: Page) => page.getByRole('table', { name: 'Tokens' }).waitFor();
const audit = (page: Page) => page.getByRole('table', { name: 'Audit log' }).getByText('Forbidden').first().waitFor();
const pull = (page: Page, owner: string) =>
  page.locator(`[data-row="provider ${owner}"]`).getByRole('button', { name: 'Pull…' }).click();

async function setProvider(page: Page, kind: string): Promise<void> {
  await providers(page);
  await button(page, 'Set provider…').click();
  await dialog(page).getByText(kind, { exact: true }).click();
}

async function makeToken(page: Page): Promise<void> {
  await tokens(page);
  await button(page, 'New token…').click();
  await dialog(page).getByLabel('Name').fill('preview-bot');
  await dialog(page).getByText('Only some').click();
  await dialog(page).getByLabel('Names of the apps').pressSequentially('shop,');
}

/** Who may do what, and who did. */
export const ACCESS_SHOTS: Shot[] = [
  { name: 'providers-host', scenario: 'full', path: SECRETS, act: providers },
  { name: 'providers-host-narrow', scenario: 'full', path: SECRETS, isNarrow: true, act: providers },
  { name: 'providers-app', scenario: 'full', path: SHOP, act: providers },
  { name: 'providers-set-doppler', scenario: 'full', path: SECRETS, act: (page) => setProvider(page, 'Doppler') },
  {
    name: 'providers-set-aws',
    scenario: 'full',
    path: SECRETS,
    async act(page) {
      await setProvider(page, 'AWS Parameter Store');
      await button(page, 'Set provider').click();
    },
  },
  {
    name: 'providers-set-age-refused',
    scenario: 'full',
    path: '/hosts/staging/secrets',
    async act(page) {
      await button(page, 'Pull from a provider…').click();
      await dialog(page).getByText('age file', { exact: true }).click();
      await dialog(page).getByLabel('File on the server').fill('/root/secrets.age');
      await dialog(page)
        .getByLabel('Identity')
        .fill(`AGE-SECRET-KEY-1${'Q'.repeat(58)}`);
      await button(page, 'Set provider').click();
      await dialog(page).getByText('beneath none').waitFor();
    },
  },
  {
    name: 'providers-replace',
    scenario: 'full',
    path: SECRETS,
    async act(page) {
      await providers(page);
      await button(page, 'Replace the provider of App shop').click();
      await dialog(page).waitFor();
    },
  },
  {
    name: 'providers-pull',
    scenario: 'full',
    path: SECRETS,
    async act(page) {
      await providers(page);
      await pull(page, 'Project storefront');
      await dialog(page).getByRole('table', { name: 'Changes' }).waitFor();
    },
  },
  {
    name: 'providers-pull-failed',
    scenario: 'full',
    path: SECRETS,
    async act(page) {
      await providers(page);
      await pull(page, 'App shop');
      await dialog(page).getByText('Nothing was pulled').waitFor();
    },
  },
  {
    name: 'providers-remove',
    scenario: 'full',
    path: SECRETS,
    async act(page) {
      await providers(page);
      await button(page, 'Remove the provider of Project storefront').click();
      await dialog(page).getByText('Stays on the host').waitFor();
    },
  },
  { name: 'tokens', scenario: 'full', path: TOKENS, act: tokens },
  {
    name: 'tokens-ended',
    scenario: 'full',
    path: TOKENS,
    async act(page) {
      await tokens(page);
      await page.getByLabel(/^Show ended/).check();
    },
  },
  { name: 'tokens-narrow', scenario: 'full', path: TOKENS, isNarrow: true, act: tokens },
  {
    name: 'tokens-empty',
    scenario: 'questions',
    path: '/hosts/quiet/tokens',
    act: (page) => page.getByText('No tokens on this host yet').waitFor(),
  },
  { name: 'tokens-new', scenario: 'full', path: TOKENS, act: makeToken },
  {
    name: 'tokens-new-wrong',
    scenario: 'full',
    path: TOKENS,
    async act(page) {
      await tokens(page);
      await button(page, 'New token…').click();
      await dialog(page).getByLabel('Name').fill('CI job');
      await dialog(page).getByText('Administrator').click();
      await dialog(page).getByText('On a day').click();
      await button(page, 'Make token').click();
    },
  },
  {
    name: 'tokens-made',
    scenario: 'full',
    path: TOKENS,
    async act(page) {
      await makeToken(page);
      await button(page, 'Make token').click();
      await dialog(page).getByTestId('token-text').waitFor();
    },
  },
  {
    name: 'tokens-revoke',
    scenario: 'full',
    path: TOKENS,
    async act(page) {
      await tokens(page);
      await button(page, 'Revoke ci').click();
      await dialog(page).waitFor();
    },
  },
  { name: 'audit', scenario: 'full', path: AUDIT, act: audit },
  { name: 'audit-narrow', scenario: 'full', path: AUDIT, isNarrow: true, act: audit },
  {
    name: 'audit-empty',
    scenario: 'questions',
    path: '/hosts/quiet/audit',
    act: (page) => page.getByText('Nothing was asked').waitFor(),
  },
  {
    name: 'audit-filtered',
    scenario: 'full',
    path: AUDIT,
    async act(page) {
      await audit(page);
      await page.getByRole('combobox', { name: 'Who' }).fill('Token: CI!');
      await page
        .getByRole('textbox', { name: 'Time' })
        .or(page.getByRole('combobox', { name: 'Time' }))
        .first()
        .click();
      await page.getByRole('option', { name: 'Between…' }).click();
      await page.getByText('Use admin, anonymous').waitFor();
    },
  },
  {
    name: 'audit-nothing',
    scenario: 'full',
    path: AUDIT,
    async act(page) {
      await audit(page);
      await page.getByRole('combobox', { name: 'Who' }).fill('nobody');
      await page.getByText('Nothing in the log is like this').waitFor();
    },
  },
  {
    name: 'audit-entry',
    scenario: 'full',
    path: AUDIT,
    async act(page) {
      await audit(page);
      await button(page, 'Stop app').first().click();
      await dialog(page).getByText('HTTP 403').waitFor();
    },
  },
];

import type { Page } from 'playwright-core';
import type { Shot } from './shots.ts';

const HOST = '/hosts/web-1/secrets';
const SHOP = '/hosts/web-1/apps/shop/secrets';
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const dialog = (page: Page) => page.getByRole('dialog');
const listed = (page: Page) => page.getByText('SESSION_SECRET').last().waitFor();

/** As it is pasted from a colleague: comments, quotes, a key over several lines, and one value that was forgotten. */
const PASTED = `# payments
export STRIPE_KEY="sk_live_6"   # rotated
SESSION_SECRET='session-2'
MAPS_KEY=AIza-4
OLD_TOKEN=
SIGNING_KEY="-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2Vw
-----END PRIVATE KEY-----"
`;

async function openSet(page: Page): Promise<void> {
  await listed(page);
  await button(page, 'Set secrets…').click();
  await dialog(page).getByLabel('Name').waitFor();
}

async function setOne(page: Page): Promise<void> {
  await openSet(page);
  await dialog(page).getByLabel('Name').fill('MAPS_KEY');
  await dialog(page).getByLabel('Value').fill('AIza-4\n');
}

async function paste(page: Page, text = PASTED): Promise<void> {
  await openSet(page);
  await dialog(page).getByText('Paste a .env').click();
  await dialog(page).getByLabel('Text of the .env file').fill(text);
}

async function preview(page: Page): Promise<void> {
  await button(page, 'Show what changes').click();
  await dialog(page).getByRole('table', { name: 'Changes' }).waitFor();
}

async function previewReplace(page: Page): Promise<void> {
  await paste(page);
  await dialog(page).getByText('Is removed (replace)').click();
  await preview(page);
  await dialog(page)
    .getByLabel(/^Bring up/)
    .check();
}

async function refused(page: Page): Promise<void> {
  await paste(page, Array.from({ length: 60 }, (_, index) => `FLAG_${index}=on`).join('\n'));
  await button(page, 'Show what changes').click();
  await dialog(page).getByText('secrets at most').waitFor();
}

async function rolled(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Set secrets…' }).click();
  await dialog(page).getByLabel('Name').fill('LOG_TOKEN');
  await dialog(page).getByLabel('Value').fill('lt-9');
  await preview(page);
  await dialog(page)
    .getByLabel(/^Bring up/)
    .check();
  await button(page, 'Set and roll').click();
  await dialog(page).getByText('Not rolled', { exact: true }).waitFor();
}

/** Secrets: what there is, what an app is given, and everything that is asked before they change. */
export const SECRET_SHOTS: Shot[] = [
  { name: 'secrets-host', scenario: 'full', path: HOST, act: listed },
  { name: 'secrets-host-narrow', scenario: 'full', path: HOST, isNarrow: true, act: listed },
  {
    name: 'secrets-host-empty',
    scenario: 'questions',
    path: '/hosts/quiet/secrets',
    act: (page) => page.getByText('No secrets on this host yet').waitFor(),
  },
  { name: 'secrets-app', scenario: 'full', path: SHOP, act: listed },
  { name: 'secrets-app-narrow', scenario: 'full', path: SHOP, isNarrow: true, act: listed },
  {
    name: 'secrets-app-empty',
    scenario: 'full',
    path: '/hosts/staging/apps/checkout/secrets',
    act: (page) => page.getByText('is given no secrets').waitFor(),
  },
  {
    name: 'secrets-history',
    scenario: 'full',
    path: SHOP,
    async act(page) {
      await listed(page);
      await button(page, 'SESSION_SECRET').click();
      await dialog(page).getByRole('table').waitFor();
    },
  },
  { name: 'secrets-set-one', scenario: 'full', path: SHOP, act: setOne },
  {
    name: 'secrets-set-anew',
    scenario: 'full',
    path: SHOP,
    async act(page) {
      await listed(page);
      await button(page, 'Set SESSION_SECRET anew').click();
      await dialog(page).getByLabel('Value').fill('session-9 ');
      await button(page, 'Show what is typed').click();
    },
  },
  {
    name: 'secrets-set-project',
    scenario: 'full',
    path: HOST,
    async act(page) {
      await openSet(page);
      await dialog(page).getByText('A project’s apps').click();
      await button(page, 'Show what changes').click();
      await dialog(page).getByRole('combobox', { name: 'Project' }).fill('Store front');
      await button(page, 'Show what changes').click();
    },
  },
  { name: 'secrets-set-many', scenario: 'full', path: SHOP, act: (page) => paste(page) },
  {
    name: 'secrets-set-many-shown',
    scenario: 'full',
    path: SHOP,
    async act(page) {
      await paste(page, `${PASTED}PASSWORD=abc#def\n`);
      await button(page, 'Show what is typed').click();
      await button(page, 'Show what changes').click();
    },
  },
  {
    name: 'secrets-preview',
    scenario: 'full',
    path: SHOP,
    async act(page) {
      await paste(page);
      await preview(page);
    },
  },
  { name: 'secrets-preview-replace', scenario: 'full', path: SHOP, act: previewReplace },
  { name: 'secrets-refused', scenario: 'full', path: SHOP, act: refused },
  { name: 'secrets-rolled', scenario: 'full', path: '/hosts/staging/secrets', act: rolled },
  {
    name: 'secrets-remove',
    scenario: 'full',
    path: SHOP,
    async act(page) {
      await listed(page);
      await page.locator('[data-row="app shop STRIPE_KEY"]').getByRole('button', { name: 'Remove STRIPE_KEY' }).click();
      await dialog(page).getByText('Stays', { exact: false }).waitFor();
    },
  },
  {
    name: 'secrets-rotate',
    scenario: 'full',
    path: HOST,
    async act(page) {
      await listed(page);
      await button(page, 'Rotate key…').click();
      await dialog(page).waitFor();
    },
  },
  {
    name: 'secrets-compared',
    scenario: 'full',
    path: '/hosts/web-1/apps/shop/releases',
    async act(page) {
      await page.getByRole('button', { name: 'r11', exact: true }).click();
      await dialog(page).getByText('Secret STRIPE_KEY').waitFor();
    },
  },
];

import type { Page } from 'playwright-core';
import type { Shot } from './shots.ts';

const SHOP = '/hosts/web-1/apps/shop';
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const dialog = (page: Page) => page.getByRole('dialog');
const step = (page: Page, name: string, state: string) => page.locator(`[data-step="${name}"][data-state="${state}"]`);

async function beginSwap(page: Page): Promise<void> {
  await page.getByText('r12').first().waitFor();
  await button(page, 'Swap').click();
  await dialog(page).getByRole('radio').first().waitFor();
  await dialog(page).getByRole('button', { name: 'Swap', exact: true }).click();
}

async function watchSwap(page: Page): Promise<void> {
  await beginSwap(page);
  await step(page, 'watch', 'running').waitFor();
  await dialog(page).waitFor({ state: 'hidden' });
  await page.waitForFunction(() => /watching (5[0-9]) s/.test(document.body.innerText));
}

async function pullNews(page: Page): Promise<void> {
  await button(page, 'Deploy').click();
  await page.getByLabel('App name').fill('news');
  await page.getByRole('combobox', { name: 'Image' }).fill('registry.example.com/news:1.0.0');
  await page.getByLabel('Domain').fill('news.example.com');
  await dialog(page).getByRole('button', { name: 'Deploy', exact: true }).click();
  await step(page, 'pull', 'running').waitFor();
  await page.locator('.nd-layers li[data-state="extracting"]').first().waitFor();
}

async function openMore(page: Page, entry?: string): Promise<void> {
  await button(page, 'More actions').click();
  await page.getByRole('menuitem').first().waitFor();
  if (entry !== undefined) await page.getByRole('menuitem', { name: entry, exact: true }).click();
  if (entry !== undefined) await dialog(page).waitFor();
}

async function openRelease(page: Page, release: string): Promise<void> {
  await page.getByRole('button', { name: release, exact: true }).click();
  await dialog(page).getByRole('heading', { name: 'Compared with' }).waitFor();
}

async function openRollback(page: Page, release: string): Promise<void> {
  await button(page, `Roll back to ${release}`).click();
  await dialog(page).getByText('What changes').waitFor();
}

async function deployWithChanges(page: Page): Promise<void> {
  await page.getByText('r12').first().waitFor();
  await openMore(page, 'Deploy with changes…');
  await page.getByTestId('deploy-changes').waitFor();
}

const SECTIONS = [
  'Routing',
  'Health details',
  'Resources',
  'Storage and networks',
  'Security',
  'Life cycle',
  'Registry login',
  'Logs',
];

async function openSections(page: Page, names: readonly string[]): Promise<void> {
  for (const name of names)
    await dialog(page)
      .getByRole('button', { name: new RegExp(`^${name}`) })
      .click();
}

async function refusedEverywhere(page: Page): Promise<void> {
  await deployWithChanges(page);
  await openSections(page, ['Routing', 'Storage and networks', 'Life cycle']);
  await page.getByLabel('Redirected name').first().fill('shop.example.com');
  await page.getByLabel('Where shop-uploads is in the container').fill('uploads');
  await page.getByLabel('Watch window').fill('soon');
  await page.getByLabel('Pre-switch command').fill('sh -c "exit');
  await openSections(page, ['Routing', 'Storage and networks', 'Life cycle']);
  await dialog(page).getByRole('button', { name: 'Deploy', exact: true }).click();
  await page.getByText('to mend').first().waitFor();
}

/** The daemon refuses what the form cannot know: a directory beneath none of its roots. */
async function refusedByDaemon(page: Page): Promise<void> {
  await deployWithChanges(page);
  await openSections(page, ['Storage and networks']);
  await page.getByLabel('Directory of the host').fill('/etc');
  await dialog(page).getByRole('button', { name: 'Deploy', exact: true }).click();
  await step(page, 'validate', 'failed').waitFor();
  await dialog(page).waitFor({ state: 'hidden' });
}

async function retryRefused(page: Page): Promise<void> {
  await refusedByDaemon(page);
  await button(page, 'Try again…').click();
  await page.getByText('to mend').first().waitFor();
  await page.getByLabel('Directory of the host').scrollIntoViewIfNeeded();
}

/** The life of an app: operations and their ends, releases, scaling, maintenance, and the deploy form in full. */
export const LIFE_SHOTS: Shot[] = [
  { name: 'watch', scenario: 'full', path: SHOP, act: watchSwap },
  { name: 'watch-narrow', scenario: 'full', path: SHOP, isNarrow: true, act: watchSwap },
  {
    name: 'watch-releases',
    scenario: 'full',
    path: SHOP,
    async act(page) {
      await watchSwap(page);
      await page.getByRole('tab', { name: 'Releases' }).click();
      await page.getByText('r13').last().waitFor();
    },
  },
  {
    name: 'watch-undo-question',
    scenario: 'full',
    path: SHOP,
    async act(page) {
      await watchSwap(page);
      await page.getByTestId('watch').getByRole('button', { name: 'Undo' }).click();
      await dialog(page).getByText('has run already').waitFor();
    },
  },
  {
    name: 'watch-undone',
    scenario: 'full',
    path: SHOP,
    async act(page) {
      await watchSwap(page);
      await page.getByTestId('watch').getByRole('button', { name: 'Undo' }).click();
      await dialog(page).getByRole('button', { name: 'Undo', exact: true }).click();
      await page.locator('[data-testid="operation"][data-state="cancelled"]').waitFor();
      await dialog(page).waitFor({ state: 'hidden' });
    },
  },
  { name: 'pulling', scenario: 'full', path: '/hosts/web-1', act: pullNews },
  { name: 'pulling-narrow', scenario: 'full', path: '/hosts/web-1', isNarrow: true, act: pullNews },
  {
    name: 'hook-running',
    scenario: 'full',
    path: SHOP,
    async act(page) {
      await beginSwap(page);
      await step(page, 'pre_switch', 'running').getByText('applied in 84 ms').waitFor();
    },
  },
  {
    name: 'hook-failed',
    scenario: 'full',
    path: '/hosts/staging/apps/cart',
    act: (page) => step(page, 'pre_switch', 'failed').waitFor(),
  },
  {
    name: 'rolled-back',
    scenario: 'full',
    path: '/hosts/staging/apps/search',
    act: (page) => page.getByText('out of memory').waitFor(),
  },
  {
    name: 'cancelled',
    scenario: 'full',
    path: '/hosts/staging/apps/mailer',
    act: (page) => page.getByText('It was cancelled').first().waitFor(),
  },
  {
    name: 'stuck',
    scenario: 'full',
    path: '/hosts/staging/apps/api',
    act: (page) => page.getByText('It needs your help').waitFor(),
  },
  {
    name: 'app-events',
    scenario: 'full',
    path: '/hosts/staging/apps/api/operations',
    act: (page) => page.getByText('Unhealthy').last().waitFor(),
  },
  {
    name: 'app-worker',
    scenario: 'full',
    path: '/hosts/web-1/apps/queue-worker',
    act: (page) => page.getByText('3 of 4').waitFor(),
  },
  {
    name: 'app-maintenance',
    scenario: 'full',
    path: '/hosts/web-1/apps/docs',
    act: (page) => page.getByText('Visitors see the maintenance page').waitFor(),
  },
  {
    name: 'releases-empty',
    scenario: 'full',
    path: '/hosts/web-1/apps/blog/releases',
    act: (page) => page.getByText('No release yet').waitFor(),
  },
  { name: 'release-drawer', scenario: 'full', path: `${SHOP}/releases`, act: (page) => openRelease(page, 'r8') },
  {
    name: 'release-shown-values',
    scenario: 'full',
    path: `${SHOP}/releases`,
    async act(page) {
      await openRelease(page, 'r12');
      await button(page, 'Show the values of PAYMENTS_URL').first().click();
    },
  },
  { name: 'rollback-dialog', scenario: 'full', path: `${SHOP}/releases`, act: (page) => openRollback(page, 'r8') },
  {
    name: 'rollback-code-dialog',
    scenario: 'full',
    path: `${SHOP}/releases`,
    async act(page) {
      await openRollback(page, 'r8');
      await page.getByRole('radio', { name: 'The code only' }).click();
    },
  },
  { name: 'more-menu', scenario: 'full', path: SHOP, act: (page) => openMore(page) },
  { name: 'more-menu-refused', scenario: 'full', path: '/hosts/staging/apps/legacy', act: (page) => openMore(page) },
  {
    name: 'scale-dialog',
    scenario: 'full',
    path: SHOP,
    async act(page) {
      await openMore(page, 'Scale…');
      await button(page, 'One more').click();
      await button(page, 'One more').click();
    },
  },
  { name: 'maintenance-dialog', scenario: 'full', path: SHOP, act: (page) => openMore(page, 'Maintenance page…') },
  {
    name: 'remove-dialog',
    scenario: 'full',
    path: SHOP,
    async act(page) {
      await page.getByText('16.0.1').first().waitFor();
      await openMore(page, 'Remove app…');
    },
  },
  { name: 'deploy-changes', scenario: 'full', path: SHOP, act: deployWithChanges },
  {
    name: 'deploy-sections',
    scenario: 'full',
    path: SHOP,
    isTall: true,
    async act(page) {
      await deployWithChanges(page);
      await openSections(page, SECTIONS);
    },
  },
  {
    name: 'deploy-sections-empty',
    scenario: 'full',
    path: '/hosts/staging',
    isTall: true,
    async act(page) {
      await button(page, 'Deploy').click();
      await openSections(page, SECTIONS);
      await button(page, 'Add redirect').click();
      await button(page, 'Add volume').click();
    },
  },
  { name: 'deploy-refused', scenario: 'full', path: SHOP, isTall: true, act: refusedEverywhere },
  { name: 'deploy-refused-by-daemon', scenario: 'full', path: SHOP, act: refusedByDaemon },
  { name: 'deploy-retry', scenario: 'full', path: SHOP, act: retryRefused },
];

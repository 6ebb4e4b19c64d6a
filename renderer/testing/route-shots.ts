import type { Page } from 'playwright-core';
import type { Shot } from './shots.ts';

const ROUTES = '/hosts/web-1/routes';
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const dialog = (page: Page) => page.getByRole('dialog');
const listed = (page: Page) => page.getByRole('table', { name: 'Routes' }).waitFor();

async function openAll(page: Page): Promise<void> {
  await listed(page);
  await button(page, 'Change the route shop.example.com').click();
  for (const part of ['www.', 'Path prefixes', 'Redirects', 'Response headers', 'Access', 'Limits and compression'])
    await dialog(page).getByRole('button', { name: part }).first().click();
}

/** Routes: what the proxies serve, and what their sites do. */
export const ROUTE_SHOTS: Shot[] = [
  { name: 'routes', scenario: 'full', path: ROUTES, act: listed },
  { name: 'routes-narrow', scenario: 'full', path: ROUTES, isNarrow: true, act: listed },
  {
    name: 'routes-empty',
    scenario: 'questions',
    path: '/hosts/quiet/routes',
    act: (page) => page.getByText('No routes on this host').waitFor(),
  },
  {
    name: 'routes-add-wrong',
    scenario: 'full',
    path: ROUTES,
    async act(page) {
      await listed(page);
      await button(page, 'Add route…').click();
      await dialog(page).getByLabel('Domain').fill('shop.example.com');
      await dialog(page).getByRole('button', { name: 'Access' }).click();
      await button(page, 'Add user').click();
      await dialog(page).getByLabel('Name of the user').fill('ops');
      await button(page, 'Add route').click();
    },
  },
  { name: 'routes-app-all', scenario: 'full', path: ROUTES, isTall: true, act: openAll },
  {
    name: 'routes-app-folded',
    scenario: 'full',
    path: ROUTES,
    async act(page) {
      await listed(page);
      await button(page, 'Change the route shop.example.com').click();
      await dialog(page).getByText('Path prefixes').waitFor();
    },
  },
  {
    name: 'routes-remove',
    scenario: 'full',
    path: ROUTES,
    async act(page) {
      await listed(page);
      await button(page, 'Remove the route grafana.example.com').click();
      await dialog(page).waitFor();
    },
  },
  {
    name: 'routes-site',
    scenario: 'full',
    path: '/hosts/web-1/apps/shop/configuration',
    act: (page) => page.getByRole('region', { name: 'Site' }).getByText('Served').waitFor(),
  },
];

import { expect, test } from 'vitest';
import { sharedConsole } from './console-harness.ts';

/** What an operator does in the console with apps, in a real browser. */

const SHOP = '/hosts/web-1/apps/shop';
const CHECKOUT = '/hosts/staging/apps/checkout';

const { page, open, changes, dialog, button, inDialog } = sharedConsole();
const step = (name: string, state: string) => page().locator(`[data-step="${name}"][data-state="${state}"]`);
const ended = (state: string) => page().locator(`[data-testid="operation"][data-state="${state}"]`);

async function openMore(entry: string): Promise<void> {
  await button('More actions').click();
  await page().getByRole('menuitem', { name: entry, exact: true }).click();
  await dialog().waitFor();
}

/** Of the image named; resolves with the operation's id and the release it brings. */
async function beginSwap(image: string): Promise<{ id: string; release: string }> {
  await button('Swap').click();
  await dialog().getByLabel('Filter images, or name one').fill(image);
  await dialog().getByRole('radio', { name: image }).click();
  await inDialog('Swap').click();
  const running = page().locator('[data-testid="operation"][data-state="running"]');
  const id = (await running.getAttribute('data-operation')) ?? '';
  return { id, release: /→ (r\d+)/.exec((await page().getByTestId('operation').textContent()) ?? '')?.[1] ?? '' };
}

test('what made a step fail can be read: probes, exit code, the last lines of the log', async () => {
  await open(CHECKOUT);
  const evidence = page().getByRole('region', { name: 'Evidence' });
  const probes = evidence.getByRole('table', { name: 'Probes' }).getByRole('row');
  await probes.nth(3).waitFor();
  expect(await probes.nth(1).textContent()).toMatch(/500.*12 ms.*10\.213\.0\.9:3000\/api\/health.*relation/);
  expect(await probes.nth(3).textContent()).toMatch(/none.*connection refused/);
  await evidence.getByText('Error: relation "orders" does not exist', { exact: false }).last().waitFor();
  expect(await step('probe', 'failed').textContent()).toContain('0 of 3 probes passed');
  await open('/hosts/staging/apps/search');
  await page().getByRole('region', { name: 'Evidence' }).getByText('exit code 137').waitFor();
  await page().getByRole('region', { name: 'Evidence' }).getByText('out of memory').waitFor();
  await open('/hosts/staging/apps/cart');
  const said = 'ERROR: column "channel" of relation "orders" already exists';
  await page()
    .getByRole('log', { name: /^Output of/ })
    .filter({ hasText: said })
    .waitFor();
});

test('two releases are compared: what changed, and no value of a variable until it is asked for', async () => {
  await open(`${SHOP}/releases`);
  await button('r8').click();
  const table = dialog().getByRole('table', { name: 'Differences from r8 to r12, live' });
  await table.waitFor();
  const rows = await table.getByRole('row').allInnerTexts();
  const lines = rows.map((row) => row.replace(/\s+/g, ' ').trim());
  for (const line of ['Image changed shop:1.3.8 shop:1.4.2', 'Next.js changed 15.5.4 16.0.1', 'Drain changed 30 s 20 s']) {
    expect(lines).toContain(line);
  }
  expect(lines).toContain('PAYMENTS_URL added – ••••••••');
  expect(rows.join()).not.toContain('hunter2');
  await table.getByRole('button', { name: 'Show the values of PAYMENTS_URL' }).click();
  await table.getByText('https://payments.example.net').waitFor();
  await dialog().getByLabel('Compared with').first().click();
  await page().getByRole('option', { name: 'r7' }).click();
  await dialog().getByRole('table', { name: 'Differences from r7 to r8' }).waitFor();
  expect(await changes()).toEqual([]);
});

test('an app is removed once its name was typed, and with all that belongs to it', async () => {
  await open('/hosts/web-1/apps/blog');
  await openMore('Remove app…');
  const field = dialog().getByLabel('Type blog to confirm');
  for (const wrong of ['', 'blo', 'blogs', 'Blog', 'blog ']) {
    await field.fill(wrong);
    expect(await inDialog('Remove app').isDisabled()).toBe(true);
    await field.press('Enter');
  }
  expect(await changes()).toEqual([]);
  await field.fill('blog');
  await inDialog('Remove app').click();
  await page().getByRole('heading', { name: 'web-1', level: 1 }).waitFor();
  expect(await changes()).toEqual([{ route: 'removeApp', params: { name: 'blog' }, query: { purge: 'true' } }]);
});

test('an app is scaled to the number chosen, and to none that cannot be', async () => {
  await open('/hosts/web-1/apps/queue-worker');
  await openMore('Scale…');
  expect(await inDialog('Scale').isDisabled()).toBe(true);
  await dialog().getByLabel('Replicas').fill('9');
  expect(await inDialog('Scale').isDisabled()).toBe(true);
  await dialog().getByText('Use a whole number from 1 to 8.').waitFor();
  await dialog().getByLabel('Replicas').fill('8');
  await inDialog('One less').click();
  await inDialog('Scale to 7').click();
  await dialog().waitFor({ state: 'hidden' });
  await ended('succeeded').getByRole('heading', { name: 'Scale' }).waitFor();
  await page().getByTitle('Scale…').filter({ hasText: /^7$/ }).waitFor();
  expect(await changes()).toEqual([{ route: 'scaleApp', params: { name: 'queue-worker' }, body: { replicas: 7 } }]);
});

test('a maintenance page goes up with its message, is changed, and comes down', async () => {
  await open(SHOP);
  await openMore('Maintenance page…');
  await dialog().getByLabel('Message').fill('New shelves.\nBack at noon.');
  await dialog().getByLabel('What visitors see').getByText('New shelves. Back at noon.').waitFor();
  await inDialog('Show the page').click();
  await page().getByText('“New shelves. Back at noon.”').waitFor();
  await button('Change…').click();
  expect(await inDialog('Change the message').isDisabled()).toBe(true);
  await dialog().getByLabel('Message').fill('Back at one.');
  await inDialog('Change the message').click();
  await page().getByText('“Back at one.”').waitFor();
  await dialog().waitFor({ state: 'hidden' });
  await button('Take the page down').click();
  await page().getByText('Visitors see the maintenance page').waitFor({ state: 'hidden' });
  const route = { route: 'setMaintenance', params: { name: 'shop' } };
  expect(await changes()).toEqual([
    { ...route, body: { enabled: true, message: 'New shelves. Back at noon.' } },
    { ...route, body: { enabled: true, message: 'Back at one.' } },
    { ...route, body: { enabled: false } },
  ]);
});

test('a running operation is cancelled, and what was live stays', async () => {
  await open(CHECKOUT);
  const { id } = await beginSwap('registry.example.com/checkout:v10');
  await step('pull', 'running').waitFor();
  await page().getByTestId('operation').getByRole('button', { name: 'Cancel' }).click();
  await ended('cancelled').getByText('It was cancelled: r4 serves').waitFor();
  expect(await page().getByTestId('app-release').textContent()).toBe('r4');
  expect((await changes()).slice(1)).toEqual([{ route: 'cancelOperation', params: { id } }]);
});

test('in the watch window a swap is undone by one click', async () => {
  await open(CHECKOUT);
  const { id, release } = await beginSwap('checkout:v9');
  await page().getByTestId('watch').getByText(`${release} live`).waitFor();
  expect(await page().getByTestId('app-release').textContent()).toBe(release);
  await page().getByTestId('watch').getByRole('button', { name: 'Undo' }).click();
  await ended('cancelled').waitFor();
  await expect.poll(() => page().getByTestId('app-release').textContent()).toBe('r4');
  expect((await changes()).slice(1)).toEqual([{ route: 'cancelOperation', params: { id } }]);
});

test('in the watch window a swap is kept by one click', async () => {
  await open(CHECKOUT);
  const { id, release } = await beginSwap('checkout:v9');
  await page().getByTestId('watch').getByRole('button', { name: 'Keep' }).click();
  await ended('succeeded').getByRole('heading', { name: 'Swap to checkout:v9' }).waitFor();
  expect(await page().getByTestId('app-release').textContent()).toBe(release);
  expect((await changes()).slice(1)).toEqual([{ route: 'keepRelease', params: { id } }]);
});

test('an app is rolled back to the release chosen: whole, or its code only', async () => {
  const differences = dialog().getByRole('table', { name: /^Differences from r\d+, live to / });
  await open(`${SHOP}/releases`);
  await button('Roll back to r10').click();
  await differences.getByText('shop:1.4.0').waitFor();
  expect(await differences.getByText('PAYMENTS_URL').count()).toBe(1);
  await inDialog('Roll back to r10').click();
  await page().getByTestId('operation').getByText('r12 → r10').waitFor();
  await page().getByTestId('watch').getByRole('button', { name: 'Keep' }).click();
  await ended('succeeded').waitFor();
  const body = { app_name: 'shop', release: 'r10', code_only: false };
  expect((await changes())[0]).toEqual({ route: 'rollback', body });

  await open(`${SHOP}/releases`);
  await button('Roll back to r12').click();
  await differences.getByText('PAYMENTS_URL').waitFor();
  await dialog().getByRole('radio', { name: 'The code only' }).click();
  await differences.getByText('PAYMENTS_URL').waitFor({ state: 'hidden' });
  await differences.getByText('shop:1.4.2').waitFor();
  await inDialog('Roll back the code').click();
  await page().getByTestId('operation').getByText('r10 → r13').waitFor();
  expect(await changes()).toEqual([{ route: 'rollback', body: { ...body, release: 'r12', code_only: true } }]);
});

import { expect, test } from 'vitest';
import { sharedConsole } from './console-harness.ts';

/** What an operator does in the console with secrets, in a real browser: what is sent, and that no value stays behind. */

const HOST = '/hosts/web-1/secrets';
const SHOP = '/hosts/web-1/apps/shop/secrets';
const DOCS = '/hosts/web-1/apps/docs/secrets';
/** Part of every value that is typed here, and of nothing else. */
const VALUE = 'c4n4ry-9f';

const { page, open, changes, dialog, button, inDialog } = sharedConsole();

const row = (id: string) => page().locator(`[data-row="${id}"]`);
const textOf = async (id: string) => (await row(id).innerText()).replace(/\s+/g, ' ').trim();
const preview = () => dialog().getByRole('table', { name: 'Changes' });
const rolls = () => dialog().getByLabel(/^Bring up/);
const scope = (label: string) => dialog().getByRole('radiogroup', { name: 'Given to' }).getByText(label, { exact: true });

async function openSet(): Promise<void> {
  await button('Set secrets…').click();
  await dialog().getByLabel('Name').waitFor();
}

async function showChanges(): Promise<string[]> {
  await inDialog('Show what changes').click();
  await preview().waitFor();
  const rows = await preview().getByRole('row').allInnerTexts();
  return rows.slice(1).map((text) => text.replace(/\s+/g, ' ').trim());
}

/** Everything that a page can hold: its document with the fields' values, its address, and what it has stored. */
async function traces(): Promise<string> {
  return page().evaluate(() => {
    const fields = [...document.querySelectorAll<HTMLInputElement>('input, textarea')].map(({ value }) => value);
    const stored = [JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie, window.name];
    return [document.documentElement.outerHTML, ...fields, location.href, JSON.stringify(history.state), ...stored].join('\n');
  });
}

/** Whether React still holds the text: in the state and the properties of any component that is mounted. */
async function isHeldByReact(text: string): Promise<boolean> {
  return page().evaluate((wanted) => {
    interface Fiber {
      memoizedState: unknown;
      memoizedProps: unknown;
      child: Fiber | null;
      sibling: Fiber | null;
    }
    const container = document.querySelector('#root') as unknown as Record<string, { stateNode: { current: Fiber } }>;
    const key = Object.keys(container).find((each) => each.startsWith('__reactContainer$')) ?? '';
    const seen = new Set<unknown>();
    const holds = (value: unknown, depth: number): boolean => {
      if (typeof value === 'string') return value.includes(wanted);
      if (typeof value !== 'object' || value === null || seen.has(value) || depth > 12 || value instanceof Node) return false;
      seen.add(value);
      return Object.values(value).some((each) => holds(each, depth + 1));
    };
    const walk = (fiber: Fiber | null): boolean => {
      for (let each = fiber; each !== null; each = each.sibling) {
        if (holds(each.memoizedState, 0) || holds(each.memoizedProps, 0) || walk(each.child)) return true;
      }
      return false;
    };
    return walk(container[key]!.stateNode.current); // without a tree the test would prove nothing
  }, text);
}

async function expectNoValueLeft(): Promise<void> {
  await dialog().waitFor({ state: 'hidden' });
  expect(await traces()).not.toContain(VALUE);
  // What was sent is kept by the script for these tests; the page itself must not hold it.
  await page().evaluate(() => {
    (window as unknown as { scriptedCalls: unknown[] }).scriptedCalls.length = 0;
  });
  expect(await isHeldByReact(VALUE)).toBe(false);
}

test('what an app is given is listed with where it comes from and how it differs from what is live', async () => {
  await open(SHOP);
  await row('app shop STRIPE_KEY').waitFor();
  expect(await textOf('app shop STRIPE_KEY')).toMatch(/^STRIPE_KEY App shop 5 As in r12 \w{10} .* anna$/);
  expect(await textOf('project storefront STRIPE_KEY')).toContain('Hidden the app’s own is given in its place');
  expect(await textOf('app shop SESSION_SECRET')).toContain('Next release r12 runs with version 3');
  expect(await textOf('app shop SIGNING_KEY')).toContain('Next release r12 is without it');
  expect(await textOf('global FEATURE_TOKEN')).toContain('Until next release removed; r12 runs with version 1');
  await page().getByText('4 changes are not live yet').waitFor();
  await button('SESSION_SECRET').click();
  const versions = dialog().getByRole('table', { name: 'Versions of SESSION_SECRET' }).getByRole('row');
  expect((await versions.nth(1).innerText()).replace(/\s+/g, ' ')).toMatch(/^4 \w{10} as version 2 .* anna –$/);
  expect((await versions.nth(2).innerText()).replace(/\s+/g, ' ')).toMatch(/^3 \w{10} .* ci shop r12 \(live\), r11/);
  await page().keyboard.press('Escape');
  await dialog().waitFor({ state: 'hidden' });
  expect(await changes()).toEqual([]);
});

test('secrets of a host stand together by whom they are given to, and are found by name', async () => {
  await open(HOST);
  await page().getByRole('region', { name: 'Project storefront (3)' }).getByText('given to shop').waitFor();
  await page().getByRole('region', { name: 'App newsletter (1)' }).getByText('not deployed here yet').waitFor();
  await page().keyboard.press('/');
  await page().keyboard.type('stripe');
  await page().getByRole('region', { name: 'Global (2)' }).waitFor({ state: 'hidden' });
  expect(await page().locator('[data-row$="STRIPE_KEY"]').count()).toBe(2);
});

test('a value is masked while it is typed, kept to its line breaks, and gone when the dialog is left', async () => {
  await open(SHOP);
  await openSet();
  await dialog().getByLabel('Name').fill('SIGNING_KEY_2');
  const value = dialog().getByLabel('Value', { exact: true });
  await value.fill(`-----BEGIN-----\n${VALUE}\n`);
  const mask = () => value.evaluate((field) => getComputedStyle(field).getPropertyValue('-webkit-text-security'));
  expect(await mask()).toBe('disc');
  await inDialog('Show what is typed').click();
  expect(await mask()).toBe('none');
  await dialog().getByText('3 lines, ends with a line break').waitFor();
  expect(await isHeldByReact(VALUE)).toBe(true); // or it would prove nothing below
  await inDialog('Cancel').click();
  await expectNoValueLeft();
  await openSet();
  expect(await dialog().getByLabel('Value', { exact: true }).inputValue()).toBe('');
  await page().keyboard.press('Escape');
  await dialog().waitFor({ state: 'hidden' });
  expect(await changes()).toEqual([]);
});

test('one secret is set for the scope chosen: asked dry first, confirmed by its name on a production host', async () => {
  await open(SHOP);
  await openSet();
  await scope('Project storefront').click();
  await dialog().getByLabel('Name').fill('MAPS_KEY');
  await dialog().getByLabel('Value', { exact: true }).fill(VALUE);
  await dialog().getByLabel('Value', { exact: true }).press('Enter');
  await preview().waitFor();
  expect(await inDialog('Set').isDisabled()).toBe(true);
  await dialog().getByLabel('Type storefront to confirm').fill('storefront');
  await dialog().getByLabel('Type storefront to confirm').press('Enter');
  await page().getByText('1 added. shop takes it over with the next release.').waitFor();
  const body = { scope: 'project', project: 'storefront', secrets: { MAPS_KEY: VALUE }, mode: 'merge' };
  expect(await changes()).toEqual([
    { route: 'syncSecrets', body: { ...body, dry_run: true } },
    { route: 'syncSecrets', body: { ...body, roll: false } },
  ]);
  await expectNoValueLeft();
  await row('project storefront MAPS_KEY').getByText('Next release').waitFor();
});

test('a pasted .env replaces what an app has, rolls it, and says where that can be followed', async () => {
  await open(DOCS);
  await openSet();
  await dialog().getByText('Paste a .env').click();
  const text = dialog().getByLabel('Text of the .env file');
  await text.fill(`A=${VALUE}#x`);
  await inDialog('Show what changes').click();
  await dialog().getByText('Line 1: put a value that holds # in quotes').waitFor();
  await text.fill(`# search\nexport SEARCH_KEY='${VALUE} a'\nSIGNING_KEY="1\n${VALUE}"\nEMPTY=`);
  await dialog().getByText('3 secrets: SEARCH_KEY, SIGNING_KEY, EMPTY. Without a value: EMPTY.').waitFor();
  await dialog().getByText('Is removed (replace)').click();
  expect(await showChanges()).toEqual([
    'ALGOLIA_ADMIN_KEY Removed –',
    'EMPTY Added 1',
    'SEARCH_KEY Added 1',
    'SIGNING_KEY Added 1',
  ]);
  expect(await traces()).not.toContain(VALUE);
  await rolls().check();
  await dialog().getByLabel('Type docs to confirm').fill('docs');
  await inDialog('Set and roll').click();
  await dialog().getByRole('list', { name: 'Apps' }).getByText('r5').waitFor();
  const secrets = { SEARCH_KEY: `${VALUE} a`, SIGNING_KEY: `1\n${VALUE}`, EMPTY: '' };
  const body = { scope: 'app', app_name: 'docs', secrets, mode: 'replace' };
  expect(await changes()).toEqual([
    { route: 'syncSecrets', body: { ...body, dry_run: true } },
    { route: 'syncSecrets', body: { ...body, roll: true } },
  ]);
  await dialog().getByRole('link', { name: 'docs' }).click();
  await expectNoValueLeft();
  await page().locator('[data-testid="operation"][data-state="succeeded"]').getByText('r4 → r5').waitFor();
  await page().getByRole('tab', { name: 'Secrets' }).click();
  await row('app docs SEARCH_KEY').getByText('As in r5').waitFor();
});

test('what the daemon refuses is said where it was typed, and without a value', async () => {
  await open(SHOP);
  await openSet();
  await dialog().getByText('Paste a .env').click();
  const text = Array.from({ length: 60 }, (_, index) => `FLAG_${index}=${VALUE}`).join('\n');
  await dialog().getByLabel('Text of the .env file').fill(text);
  await inDialog('Show what changes').click();
  await dialog().getByText('This server keeps 10000 secrets at most').waitFor();
  expect(await dialog().getByLabel('Text of the .env file').getAttribute('aria-invalid')).toBe('true');
  expect(await page().locator('body').innerText()).not.toContain(VALUE);
  await inDialog('Cancel').click();
  await expectNoValueLeft();
});

test('nothing is asked to be confirmed where nothing would change, and nothing can be set', async () => {
  await open(SHOP);
  await button('Set SIGNING_KEY anew').click();
  await dialog().getByLabel('Value', { exact: true }).fill('sign-1');
  expect(await showChanges()).toEqual(['SIGNING_KEY Unchanged 1']);
  expect(await inDialog('Set').isDisabled()).toBe(true);
  await inDialog('Back').click();
  expect(await dialog().getByLabel('Value', { exact: true }).inputValue()).toBe('sign-1');
  await inDialog('Cancel').click();
  await dialog().waitFor({ state: 'hidden' });
});

test('an app that cannot be rolled is named with the reason, beside those that are', async () => {
  await open('/hosts/staging/secrets');
  await openSet();
  await dialog().getByLabel('Name').fill('LOG_TOKEN');
  await dialog().getByLabel('Value', { exact: true }).fill(VALUE);
  expect(await showChanges()).toEqual(['LOG_TOKEN Added 1']);
  await rolls().check();
  await inDialog('Set and roll').click();
  const apps = dialog().getByRole('list', { name: 'Apps' });
  await apps.getByText('r5').waitFor();
  await apps.getByText('Not possible for legacy').waitFor();
  await inDialog('Done').click();
  await expectNoValueLeft();
  await row('global LOG_TOKEN').waitFor();
});

test('a secret is removed once its name was typed, and it is said who keeps it', async () => {
  await open(SHOP);
  await row('app shop STRIPE_KEY').getByRole('button', { name: 'Remove STRIPE_KEY' }).click();
  await dialog().getByText('the next release of shop is given that of the project storefront in its place').waitFor();
  await dialog().getByText('version 5, for shop r12 (live)').waitFor();
  const field = dialog().getByLabel('Type STRIPE_KEY to confirm');
  for (const wrong of ['', 'stripe_key', 'STRIPE_KEY ']) {
    await field.fill(wrong);
    expect(await inDialog('Remove secret').isDisabled()).toBe(true);
    await field.press('Enter');
  }
  expect(await changes()).toEqual([]);
  await field.fill('STRIPE_KEY');
  await rolls().check();
  await inDialog('Remove and roll').click();
  await dialog().getByRole('list', { name: 'Apps' }).getByText('r13').waitFor();
  const query = { scope: 'app', app_name: 'shop', name: 'STRIPE_KEY', roll: 'true' };
  expect(await changes()).toEqual([{ route: 'removeSecret', query }]);
  await inDialog('Done').click();
  await row('project storefront STRIPE_KEY').getByText('As in').waitFor();
});

test('the key of a production host is rotated once its name was typed', async () => {
  await open(HOST);
  await button('Rotate key…').click();
  await dialog().getByText('keep a copy of the key’s file').waitFor();
  expect(await inDialog('Rotate the key').isDisabled()).toBe(true);
  await dialog().getByLabel('Type web-1 to confirm').fill('web-1');
  await inDialog('Rotate the key').click();
  await page()
    .getByText(/values are sealed with key 7d1f3c9a now\. Keep a copy of its file\./)
    .waitFor();
  expect(await changes()).toEqual([{ route: 'rotateSecretsKey' }]);
});

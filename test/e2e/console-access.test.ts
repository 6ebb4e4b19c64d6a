/** Tokens, the audit log and providers of secrets in the console, in a real browser, over SSH, with the real daemon. */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AGE_ARMORED, AGE_IDENTITY } from '../../daemon/secrets/test-age-files.ts';
import { startWebShell, type WebShell } from '../../main/web/shell.ts';
import { buildRenderer } from '../../scripts/build.ts';
import { connectToBed } from '../bed/install-daemon.ts';
import { type SharedBed, sharedBed } from '../bed/shared.ts';
import { openBrowser, type TestBrowser } from '../demo/browser.ts';
import { startCore, type TestCore } from './core-harness.ts';

const AGE_FILE = '/etc/nextdeploy/age/console.age';
const TOKEN_NAME = 'console-access';

let shared: SharedBed;
let core: TestCore;
let shell: WebShell;
let browser: TestBrowser;
let page: Page;

beforeAll(async () => {
  shared = await sharedBed();
  core = await startCore();
  await connectToBed(core.core, shared.bed);
  shell = await startWebShell({ core: core.core, rendererDirectory: await buildRenderer(() => undefined) });
  browser = await openBrowser({ directory: core.directory });
  ({ page } = browser);
  await page.goto(shell.url);
  await page.getByRole('link', { name: 'bed' }).first().click();
  await page.getByRole('heading', { name: 'bed', level: 1 }).waitFor();
});
afterAll(async () => {
  const { client, bed } = shared;
  await browser.close();
  await shell.close();
  await core.close();
  await bed.exec(['rm', '-f', AGE_FILE]);
  await client.call('removeSecretProvider', { query: { scope: 'project', project: 'console' } }).catch(() => undefined);
  for (const { scope, project, name } of await client.call('listSecrets'))
    if (project === 'console') await client.call('removeSecret', { query: { scope, project, name } });
  client.close();
});

const tab = (name: string) => page.getByRole('tab', { name, exact: true }).click();
const dialog = () => page.getByRole('dialog');
const button = (name: string) => page.getByRole('button', { name, exact: true });
const row = (text: string) => page.getByRole('row').filter({ hasText: text });
const call = (token: string) =>
  shared.bed.exec([
    ...['curl', '--silent', '--unix-socket', '/run/nextdeploy/nextdeployd.sock', '--write-out', '\n%{http_code}'],
    ...['-H', `Authorization: Bearer ${token}`, '-X', 'POST', 'http://localhost/tokens', '-d', '{}'],
  ]);

it('makes a token whose text opens the daemon until it is revoked, and shows that text once', async () => {
  await tab('Tokens');
  await button('New token…').click();
  await dialog().getByLabel('Name').fill(TOKEN_NAME);
  await dialog().getByText('Viewer').click();
  await button('Make token').click();
  const token = await dialog().getByTestId('token-text').innerText();
  await page.keyboard.press('Escape'); // which must not take it away
  await button('Copy token').click();
  await button('Done').click();
  await dialog().waitFor({ state: 'hidden' });
  expect(await page.content()).not.toContain(token);
  expect((await call(token)).stdout).toMatch(/\n403$/); // known, and not allowed to
  await row(TOKEN_NAME).getByTestId('token-state').getByText('Live').waitFor();
  await button(`Revoke ${TOKEN_NAME}`).click();
  await button('Revoke token').click();
  await row(TOKEN_NAME).waitFor({ state: 'hidden' });
  expect((await call(token)).stdout).toMatch(/\n401$/);
});

it('finds in the audit log what was refused, and exports it', async () => {
  await tab('Audit log');
  await page.getByRole('combobox', { name: 'Who' }).fill(`token:${TOKEN_NAME}`);
  await row('Forbidden').waitFor();
  expect(await page.locator('[data-refused="true"]').count()).toBeGreaterThan(0);
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    button('Export')
      .click()
      .then(() => page.getByRole('menuitem', { name: 'JSON Lines, for a program' }).click()),
  ]);
  expect(saved.suggestedFilename()).toMatch(/^audit-bed-\d{4}-\d\d-\d\d\.jsonl$/);
  const lines = (await readFile(await saved.path(), 'utf8')).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({ actor: `token:${TOKEN_NAME}`, action: 'createToken', status: 403, code: 'forbidden' }),
  );
});

it('sets a provider, shows why it fails, and takes over what it has once it does not', async () => {
  const { bed, client } = shared;
  await tab('Secrets');
  await button('Set provider…').or(button('Pull from a provider…')).click();
  await dialog().getByText('A project’s apps').click();
  await dialog().getByRole('combobox', { name: 'Project' }).fill('console');
  await dialog().getByText('age file', { exact: true }).click();
  await dialog().getByLabel('File on the server').fill(AGE_FILE);
  await dialog().getByLabel('Identity').fill(AGE_IDENTITY);
  await button('Set provider').click();
  await dialog().getByText('Nothing was pulled').waitFor(); // the file is not there yet
  await button('Cancel').click();
  await dialog().waitFor({ state: 'hidden' });
  await row('Project console').getByText('Failed').waitFor();
  expect(await page.content()).not.toContain(AGE_IDENTITY);
  await bed.exec(['mkdir', '-p', '/etc/nextdeploy/age']);
  await bed.exec(['tee', AGE_FILE], { input: AGE_ARMORED });
  await button('Pull…').click();
  await dialog().getByRole('table', { name: 'Changes' }).getByText('DB_URL').waitFor();
  await dialog().getByRole('button', { name: 'Pull', exact: true }).click();
  await row('Project console').getByText('Pulled', { exact: true }).waitFor(); // not “Never pulled”
  const listed = (await client.call('listSecrets')).filter(({ project }) => project === 'console');
  expect(listed.map(({ name, origin }) => `${name} ${origin}`)).toEqual(['DB_URL age', 'LINES age', 'TOKEN age']);
  expect(await page.content()).not.toContain('needle-age');
  await button('Remove the provider of Project console').click();
  await button('Remove provider').click();
  await button('Remove the provider of Project console').waitFor({ state: 'hidden' });
  expect((await client.call('listSecretProviders')).filter(({ project }) => project === 'console')).toEqual([]);
  expect(browser.complaints).toEqual([]);
});

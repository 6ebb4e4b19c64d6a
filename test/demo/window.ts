/** Phases f to h: the console in a real browser, clicked as a person would. */
import { mkdir } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { startWebShell } from '../../main/web/shell.ts';
import { buildRenderer } from '../../scripts/build.ts';
import { startWrk } from '../load/wrk.ts';
import { APP, type Demo, HOST_NAME } from './bring-up.ts';
import { openBrowser, type TestBrowser } from './browser.ts';
import type { Phases } from './phases.ts';
import { DOMAIN, expectVersion, visit } from './site.ts';

export interface WindowContext {
  phases: Phases;
  signal: AbortSignal;
  screenshots: string | undefined;
}

const LOAD_SECONDS_MAX = 120;
const OPERATION_MS_MAX = 90_000;
const CHART_POINTS_MIN = 3;

export async function driveConsole(demo: Demo, context: WindowContext): Promise<void> {
  const { phases } = context;
  const browser = await phases.run('f', 'console', (say) => lookAround(demo, context, say));
  await phases.run('g', 'swap', (say) => swapUnderLoad(demo, browser, context, say));
  await phases.run('h', 'roll back', (say) => walkBack(demo, browser, context, say));
  if (browser.complaints.length > 0) throw new Error(`The page complained:\n${browser.complaints.join('\n')}`);
}

type Say = (detail: string) => void;

async function lookAround(demo: Demo, { phases, signal, screenshots }: WindowContext, say: Say): Promise<TestBrowser> {
  const rendererDirectory = await buildRenderer(() => undefined, signal);
  const shell = await startWebShell({ core: demo.core, rendererDirectory });
  phases.onEnd('web shell', () => shell.close());
  if (screenshots !== undefined) await mkdir(screenshots, { recursive: true });
  const browser = await openBrowser({ directory: demo.directory, pictures: screenshots });
  phases.onEnd('browser', () => browser.close());
  const { page } = browser;
  await page.goto(shell.url);
  await expectFleet(page);
  await browser.picture('fleet');
  await browser.picture('fleet', 'dark');
  say('host and app are green');
  await openHost(page);
  await expectMovingChart(page);
  await browser.picture('host');
  await browser.picture('host', 'dark');
  say('metrics move');
  await expectShell(page);
  await browser.picture('terminal');
  say('the shell answers');
  await openApp(page);
  await expectLiveLog(demo, page, signal);
  await browser.picture('app');
  await browser.picture('app', 'dark');
  say('log lines arrive');
  return browser;
}

async function expectFleet(page: Page): Promise<void> {
  const panel = page.getByRole('region', { name: `Host ${HOST_NAME}` });
  await panel.locator('[data-testid="host-state"][data-tone="ok"]').waitFor();
  await panel.locator('[data-testid="app-status"][data-tone="ok"]').waitFor();
}

async function openHost(page: Page): Promise<void> {
  await page.getByRole('link', { name: HOST_NAME }).first().click();
  await page.getByRole('heading', { name: HOST_NAME }).waitFor();
}

async function openApp(page: Page): Promise<void> {
  await page
    .getByRole('navigation')
    .getByRole('link', { name: new RegExp(`\\b${APP}\\b`) })
    .click();
  await page.getByRole('heading', { name: APP, exact: true }).waitFor();
}

/** New points come in by themselves, and the last value is a percentage. */
async function expectMovingChart(page: Page): Promise<void> {
  const chart = page.getByTestId('chart-cpu');
  await chart.waitFor();
  const points = Number(await chart.getAttribute('data-points'));
  await page.waitForFunction(
    ([before, more]) => Number(document.querySelector('[data-testid="chart-cpu"]')?.getAttribute('data-points')) >= before + more,
    [points, CHART_POINTS_MIN] as const,
  );
  const last = Number(await chart.getAttribute('data-last'));
  if (!(last >= 0 && last <= 100)) throw new Error(`The CPU chart's last value is ${last}, which is no percentage.`);
}

/** `uname -a` typed by keyboard; the answer must come from the server, whose host name is not this machine's. */
async function expectShell(page: Page): Promise<void> {
  await page.getByRole('tab', { name: 'Terminal' }).click();
  const terminal = page.getByTestId('terminal');
  const screen = terminal.locator('.xterm-rows');
  await screen
    .getByText(/\$\s*$/)
    .first()
    .waitFor();
  await terminal.click();
  await page.keyboard.type('uname -a');
  await page.keyboard.press('Enter');
  await terminal
    .getByText(/Linux demo-\S+ .*GNU\/Linux/)
    .first()
    .waitFor();
}

async function expectLiveLog(demo: Demo, page: Page, signal: AbortSignal): Promise<void> {
  const log = page.getByRole('log');
  await log.waitFor();
  const message = `a visitor came by at ${Date.now()}`;
  await visit(demo.bed.http, `/api/log?message=${encodeURIComponent(message)}`, signal);
  await log.getByText(message).first().waitFor();
}

/** One click while wrk keeps 32 connections busy: the timeline runs, the page changes, and no request is lost. */
async function swapUnderLoad(demo: Demo, browser: TestBrowser, { signal }: WindowContext, say: Say): Promise<void> {
  const load = startWrk({ url: `${demo.bed.http}/`, host: DOMAIN, connections: 32, seconds_max: LOAD_SECONDS_MAX });
  try {
    await clickSwap(demo, browser);
    await expectVersion(demo.bed.http, 'v2', signal);
    say('the timeline ran, the page says v2');
  } catch (error) {
    await load.stop();
    throw error;
  }
  const result = await load.stop();
  say(`${result.requests} requests: ${result.socket_errors_total} socket errors, ${result.non_2xx} non-2xx`);
  if (result.socket_errors_total + result.non_2xx > 0) throw new Error(`wrk lost requests during the swap:\n${result.text}`);
  if (result.requests === 0) throw new Error('wrk sent no request, so nothing was proved.');
}

async function clickSwap({ images }: Demo, browser: TestBrowser): Promise<void> {
  const { page } = browser;
  await page.getByRole('button', { name: 'Swap', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('radio', { name: images.v2 }).click();
  await dialog.getByRole('button', { name: 'Swap', exact: true }).click();
  await page.locator('[aria-label="Operation steps"] [data-state="running"]').first().waitFor();
  await browser.picture('swap');
  await waitForOperation(page);
  await page.getByRole('main').locator('[data-testid="app-status"][data-tone="ok"]').waitFor();
  await browser.picture('swapped');
}

async function walkBack(demo: Demo, browser: TestBrowser, { signal }: WindowContext, say: Say): Promise<void> {
  const { page } = browser;
  await operate(page, () => page.getByRole('button', { name: 'Roll back', exact: true }).first().click());
  await expectVersion(demo.bed.http, 'v1', signal);
  say('the page says v1');
  await operate(page, async () => {
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Stop', exact: true }).click();
  });
  await page.getByTestId('app-status').getByText('Stopped').waitFor();
  const stopped = await visit(demo.bed.http, '/', signal);
  if (stopped.status !== 503) throw new Error(`A stopped app should answer 503, not ${stopped.status}.`);
  say('stopped');
  await operate(page, () => page.getByRole('button', { name: 'Start', exact: true }).click());
  await expectVersion(demo.bed.http, 'v1', signal);
  say('started');
  await operate(page, () => page.getByRole('button', { name: 'Restart', exact: true }).click());
  await expectVersion(demo.bed.http, 'v1', signal);
  await browser.picture('after');
  say('restarted');
}

/** Does something that starts an operation, and waits until that new operation has succeeded. */
async function operate(page: Page, act: () => Promise<void>): Promise<void> {
  const before = await page.getByTestId('operation').getAttribute('data-operation');
  await act();
  await page.locator(`[data-testid="operation"]:not([data-operation="${before}"])`).waitFor();
  await waitForOperation(page);
}

async function waitForOperation(page: Page): Promise<void> {
  const operation = page.getByTestId('operation');
  await page.locator('[data-testid="operation"]:not([data-state="running"])').waitFor({ timeout: OPERATION_MS_MAX });
  const state = await operation.getAttribute('data-state');
  if (state !== 'succeeded') throw new Error(`The operation ended ${state}:\n${await operation.textContent()}`);
}

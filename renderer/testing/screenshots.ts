/**
 * Pictures of every view, in light and dark, wide and narrow, against the scripted core:
 * `node renderer/testing/screenshots.ts [DIRECTORY] [NAME-PART …]`. Prints the directory.
 */
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { type ScriptedConsole, startScriptedConsole } from './scripted-console.ts';
import { SHOTS, type Shot } from './shots.ts';

const WIDE = { width: 1440, height: 900 };
const MEDIUM = { width: 1280, height: 800 };
const TALL = { width: 1440, height: 2100 };
const NARROW = { width: 1000, height: 760 };
async function main(): Promise<void> {
  const [given, ...parts] = process.argv.slice(2);
  const target = resolve(given ?? (await mkdtemp(join(tmpdir(), 'nextdeploy-views-'))));
  await mkdir(target, { recursive: true });
  const isWanted = (name: string) => parts.length === 0 || parts.some((part) => name.includes(part));
  const scripted = await startScriptedConsole();
  try {
    for (const scheme of ['light', 'dark'] as const) {
      for (const shot of SHOTS.filter(({ name }) => isWanted(`${name}-${scheme}`))) {
        const context = await scripted.browser.newContext({ viewport: viewportOf(shot), colorScheme: scheme });
        await take(await context.newPage(), scripted, shot, join(target, `${shot.name}-${scheme}.png`));
        await context.close();
      }
    }
  } finally {
    await scripted.close();
  }
  console.log(target);
}

function viewportOf(shot: Shot): { width: number; height: number } {
  if (shot.isTall === true) return TALL;
  return shot.isNarrow === true ? NARROW : shot.isMedium === true ? MEDIUM : WIDE;
}

async function take(page: Page, scripted: ScriptedConsole, shot: Shot, path: string): Promise<void> {
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') console.error(`${shot.name}: ${message.text()}`);
  });
  page.on('pageerror', (error) => console.error(`${shot.name}: ${error.message}`));
  page.setDefaultTimeout(15_000);
  await page.goto(scripted.urlOf(shot.scenario, shot.path));
  await page.locator('.nd-shell').waitFor();
  try {
    await shot.act?.(page);
  } catch (error) {
    console.error(`${shot.name}: ${String(error)}`);
  }
  await page.screenshot({ path, animations: 'disabled' });
}

await main();

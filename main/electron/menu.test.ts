import type { MenuItemConstructorOptions } from 'electron';
import { expect, test } from 'vitest';
import { menuTemplate } from './menu.ts';

function roles(items: MenuItemConstructorOptions[]): string[] {
  return items.flatMap((item) => [
    ...(item.role ? [item.role] : []),
    ...(Array.isArray(item.submenu) ? roles(item.submenu) : []),
  ]);
}

test('copy, paste and undo have a menu, without which their keys do nothing on macOS', () => {
  for (const platform of ['linux', 'darwin', 'win32']) expect(roles(menuTemplate(platform, false))).toContain('editMenu');
});

test('the developer tools are offered only where the console runs from its source', () => {
  expect(roles(menuTemplate('linux', true))).toContain('toggleDevTools');
  expect(roles(menuTemplate('linux', false))).not.toContain('toggleDevTools');
});

test('only macOS has an application menu, and there closing a window does not quit', () => {
  expect(roles(menuTemplate('darwin', false))).toEqual(expect.arrayContaining(['appMenu', 'close']));
  expect(roles(menuTemplate('darwin', false))).not.toContain('quit');
  expect(roles(menuTemplate('linux', false))).toContain('quit');
  expect(roles(menuTemplate('linux', false))).not.toContain('appMenu');
});

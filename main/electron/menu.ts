/** The application menu, as data. Pure. */
import type { MenuItemConstructorOptions } from 'electron';

/** `hasDeveloperTools`: where the console runs from its source. */
export function menuTemplate(platform: string, hasDeveloperTools: boolean): MenuItemConstructorOptions[] {
  const isMac = platform === 'darwin';
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  return [
    ...(isMac ? [{ role: 'appMenu' } satisfies MenuItemConstructorOptions] : []),
    { label: '&File', submenu: [{ role: isMac ? 'close' : 'quit' }] },
    { role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        { role: 'reload' },
        ...(hasDeveloperTools ? [{ role: 'toggleDevTools' } satisfies MenuItemConstructorOptions] : []),
        separator,
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        separator,
        { role: 'togglefullscreen' },
      ],
    },
    { role: 'windowMenu' },
  ];
}

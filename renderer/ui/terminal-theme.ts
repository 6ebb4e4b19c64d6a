import type { ITheme } from '@xterm/xterm';

/** xterm draws by itself and needs plain colours; these are the theme's grounds and the log viewer's sixteen. */
const LIGHT: ITheme = {
  background: '#ffffff',
  foreground: '#1b2027',
  cursor: '#2c5d94',
  selectionBackground: '#cfe0f1',
  black: '#1b2027',
  red: '#b3261e',
  green: '#19703f',
  yellow: '#8a5200',
  blue: '#2457a8',
  magenta: '#8b2f8b',
  cyan: '#0f6c78',
  white: '#5a6470',
  brightBlack: '#69737f',
  brightRed: '#c8372e',
  brightGreen: '#1f8a4e',
  brightYellow: '#a56300',
  brightBlue: '#2f6bc8',
  brightMagenta: '#a23ba2',
  brightCyan: '#13828f',
  brightWhite: '#323943',
};

const DARK: ITheme = {
  background: '#13171c',
  foreground: '#d5dae1',
  cursor: '#8cb8e8',
  selectionBackground: '#2f4762',
  black: '#3a424d',
  red: '#f2837b',
  green: '#5cc98a',
  yellow: '#e0a83e',
  blue: '#82aef0',
  magenta: '#d78fd7',
  cyan: '#5cc0cd',
  white: '#d5dae1',
  brightBlack: '#8791a0',
  brightRed: '#ff9d95',
  brightGreen: '#7be0a4',
  brightYellow: '#f3c162',
  brightBlue: '#a3c6f8',
  brightMagenta: '#e6aee6',
  brightCyan: '#80d8e3',
  brightWhite: '#f7f8f9',
};

export const terminalTheme = (scheme: 'light' | 'dark'): ITheme => (scheme === 'dark' ? DARK : LIGHT);

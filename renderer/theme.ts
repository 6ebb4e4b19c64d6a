import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

/*
 * The tokens of the console. Dense and calm: 13 px text, 4 px grid, one accent, colour only for meaning. Every pair of
 * text and ground has a contrast of at least 4.5:1 (WCAG 2.2, 1.4.3) in both schemes.
 */

const accent: MantineColorsTuple = [
  '#eef4fb', '#d9e6f4', '#b4cde9', '#8cb2dc', '#6999cf', '#4b82bf', '#376fac', '#2c5d94', '#244d7b', '#1a395d',
]; // biome-ignore format: ten shades, light to dark, in one row
const red: MantineColorsTuple = [
  '#fdf0ef', '#fadbd8', '#f5b8b3', '#f2837b', '#e5635a', '#d6463c', '#c2362d', '#b3261e', '#911e18', '#6b1612',
]; // biome-ignore format: ten shades, light to dark, in one row
const gray: MantineColorsTuple = [
  '#f7f8f9', '#eff1f3', '#e3e6ea', '#d3d8de', '#b6bec8', '#8f99a6', '#69737f', '#4d5662', '#323943', '#1b2027',
]; // biome-ignore format: ten shades, light to dark, in one row
const dark: MantineColorsTuple = [
  '#d5dae1', '#aab3bf', '#8791a0', '#656f7d', '#3a424d', '#2c333c', '#222830', '#191e24', '#13171c', '#0d1014',
]; // biome-ignore format: ten shades, light to dark, in one row

const SYSTEM_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
const MONOSPACE_FONT = 'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", "DejaVu Sans Mono", Menlo, monospace';

export const theme = createTheme({
  primaryColor: 'accent',
  primaryShade: { light: 7, dark: 6 },
  colors: { accent, red, gray, dark },
  black: '#1b2027',
  fontFamily: SYSTEM_FONT,
  fontFamilyMonospace: MONOSPACE_FONT,
  fontSizes: { xs: '12px', sm: '13px', md: '13px', lg: '15px', xl: '18px' },
  lineHeights: { xs: '1.35', sm: '1.4', md: '1.45', lg: '1.4', xl: '1.3' },
  spacing: { xs: '6px', sm: '10px', md: '14px', lg: '20px', xl: '28px' },
  radius: { xs: '2px', sm: '4px', md: '6px', lg: '8px', xl: '12px' },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '18px', lineHeight: '1.3' },
      h2: { fontSize: '15px', lineHeight: '1.35' },
      h3: { fontSize: '13px', lineHeight: '1.4' },
      h4: { fontSize: '12px', lineHeight: '1.4' },
      h5: { fontSize: '12px', lineHeight: '1.4' },
      h6: { fontSize: '11px', lineHeight: '1.4' },
    },
  },
  components: {
    Button: { defaultProps: { size: 'xs', variant: 'default' } },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray', size: 28 } },
    InputWrapper: { defaultProps: { inputWrapperOrder: ['label', 'input', 'error', 'description'] } },
    TextInput: { defaultProps: { size: 'xs' } },
    NumberInput: { defaultProps: { size: 'xs' } },
    PasswordInput: { defaultProps: { size: 'xs' } },
    Textarea: { defaultProps: { size: 'xs' } },
    Select: { defaultProps: { size: 'xs' } },
    Autocomplete: { defaultProps: { size: 'xs' } },
    Checkbox: { defaultProps: { size: 'xs' } },
    Switch: { defaultProps: { size: 'xs' } },
    SegmentedControl: { defaultProps: { size: 'xs' } },
    Modal: {
      defaultProps: {
        centered: true,
        size: 520,
        padding: 'lg',
        overlayProps: { backgroundOpacity: 0.35 },
        transitionProps: { duration: 90, transition: 'fade' },
        closeButtonProps: { 'aria-label': 'Close' },
      },
    },
    Tooltip: { defaultProps: { openDelay: 250, withArrow: true, fz: 12, multiline: true, maw: 320 } },
  },
});

/** Colours with a meaning, one name for both schemes; style sheets use nothing else. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: { '--nd-sidebar-width': '236px', '--nd-topbar-height': '44px', '--nd-production': '#c2410c' },
  light: {
    '--mantine-color-dimmed': '#5a6470',
    '--mantine-color-placeholder': '#6b7480',
    '--mantine-color-error': '#b3261e',
    '--nd-ground': '#ffffff',
    '--nd-ground-sunken': '#f7f8f9',
    '--nd-ground-hover': '#eff1f3',
    '--nd-ground-selected': '#e4edf6',
    '--nd-line': '#e3e6ea',
    '--nd-line-strong': '#d3d8de',
    '--nd-ok': '#19703f',
    '--nd-ok-ground': '#e6f4ec',
    '--nd-busy': '#8a5200',
    '--nd-busy-ground': '#fdf2dd',
    '--nd-bad': '#b3261e',
    '--nd-bad-ground': '#fcebea',
    '--nd-idle': '#5a6470',
    '--nd-info': '#2c5d94',
    '--nd-info-ground': '#eaf2fa',
    '--nd-slot-blue': '#2563c9',
    '--nd-slot-green': '#19703f',
    '--nd-chart-1': '#2c5d94',
    '--nd-chart-2': '#a8570f',
    '--nd-chart-fill': 'rgba(44, 93, 148, 0.08)',
    '--nd-chart-grid': '#eceff2',
    '--nd-ansi-0': '#1b2027',
    '--nd-ansi-1': '#b3261e',
    '--nd-ansi-2': '#19703f',
    '--nd-ansi-3': '#8a5200',
    '--nd-ansi-4': '#2457a8',
    '--nd-ansi-5': '#8b2f8b',
    '--nd-ansi-6': '#0f6c78',
    '--nd-ansi-7': '#5a6470',
  },
  dark: {
    '--mantine-color-dimmed': '#98a2af',
    '--mantine-color-placeholder': '#828c99',
    '--mantine-color-error': '#f2837b',
    '--nd-ground': '#191e24',
    '--nd-ground-sunken': '#13171c',
    '--nd-ground-hover': '#222830',
    '--nd-ground-selected': '#24354a',
    '--nd-line': '#2a3139',
    '--nd-line-strong': '#3a424d',
    '--nd-ok': '#5cc98a',
    '--nd-ok-ground': '#17301f',
    '--nd-busy': '#e0a83e',
    '--nd-busy-ground': '#33280f',
    '--nd-bad': '#f2837b',
    '--nd-bad-ground': '#3a1e1d',
    '--nd-idle': '#98a2af',
    '--nd-info': '#8cb8e8',
    '--nd-info-ground': '#1b2a3b',
    '--nd-slot-blue': '#7fb0f5',
    '--nd-slot-green': '#5cc98a',
    '--nd-chart-1': '#7fb0e0',
    '--nd-chart-2': '#e0a05a',
    '--nd-chart-fill': 'rgba(127, 176, 224, 0.12)',
    '--nd-chart-grid': '#262c34',
    '--nd-ansi-0': '#8791a0',
    '--nd-ansi-1': '#f2837b',
    '--nd-ansi-2': '#5cc98a',
    '--nd-ansi-3': '#e0a83e',
    '--nd-ansi-4': '#82aef0',
    '--nd-ansi-5': '#d78fd7',
    '--nd-ansi-6': '#5cc0cd',
    '--nd-ansi-7': '#d5dae1',
  },
});

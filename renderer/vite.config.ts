import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, type UserConfig } from 'vite';

const directory = fileURLToPath(new URL('.', import.meta.url));

/** Each group changes at its own pace, so a new release of the console leaves the others in the browser's cache. */
const VENDOR_GROUPS = [
  { name: 'react', test: /node_modules\/(react|react-dom|scheduler)\// },
  { name: 'mantine', test: /node_modules\/(@mantine|@floating-ui)\// },
  { name: 'terminal', test: /node_modules\/@xterm\// },
];

/**
 * The renderer's build, shared by the web shell and Electron: relative URLs (it is served from a path or an own
 * protocol), no inlined assets and no polyfill scripts (the content security policy allows neither).
 */
export const rendererConfig: UserConfig = {
  root: directory,
  base: './',
  plugins: [react()],
  build: {
    outDir: fileURLToPath(new URL('../out/renderer', import.meta.url)),
    emptyOutDir: true,
    target: 'chrome138',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
    rolldownOptions: { output: { codeSplitting: { groups: VENDOR_GROUPS } } },
  },
};

export default defineConfig(rendererConfig);

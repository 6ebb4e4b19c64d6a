import { defineConfig } from 'electron-vite';
import { rendererConfig } from './renderer/vite.config.ts';

/**
 * The desktop app: `out/electron` (main process and the core's process), `out/preload`, and the same `out/renderer` that the web
 * shell serves. The preload is one CommonJS file, since a sandboxed preload can load no other.
 */
export default defineConfig({
  main: {
    build: {
      outDir: 'out/electron',
      rolldownOptions: { input: { index: 'main/electron/index.ts', 'core-process': 'main/electron/core-process.ts' } },
    },
  },
  preload: {
    build: {
      outDir: 'out/preload',
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: 'preload/index.ts' },
        output: { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
      },
    },
  },
  renderer: {
    ...rendererConfig,
    build: {
      ...rendererConfig.build,
      rolldownOptions: { ...rendererConfig.build?.rolldownOptions, input: 'renderer/index.html' },
    },
  },
});

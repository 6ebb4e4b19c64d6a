/** The daemon and its command line, each as one file of JavaScript. */
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { type BuildOptions, build, type Plugin } from 'esbuild';

export interface Bundle {
  name: string;
  content: Buffer;
}

/** CommonJS dependencies inside an ES module ask for these. */
const BANNER = [
  "import { createRequire as nextdeployCreateRequire } from 'node:module';",
  "import { dirname as nextdeployDirname } from 'node:path';",
  'const require = nextdeployCreateRequire(import.meta.url);',
  'const __filename = import.meta.filename;',
  'const __dirname = nextdeployDirname(__filename);',
].join('\n');

/**
 * What dockerode loads at its start, but needs only for Docker over ssh:// (ssh2) and BuildKit's sessions (the others). The daemon talks to
 * its own machine's socket and builds no images: 9 MB of memory and 1.7 MB of code for nothing.
 * See docs/decisions/005-dockerode-without-ssh-and-grpc.md.
 */
const LEFT_OUT = /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader|protobufjs)$/;

/** A module whose members may be looked up, which dockerode does when it is loaded, but not used. */
const absent = (name: string) => `
const refuse = () => { throw new Error(${JSON.stringify(`${name} is not part of this program: only Docker over SSH and BuildKit need it`)}); };
const absent = new Proxy(function () {}, { get: () => absent, apply: refuse, construct: refuse });
module.exports = absent;
`;

const leaveOut: Plugin = {
  name: 'leave-out',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: LEFT_OUT }, ({ path }) => ({ path, namespace: 'left-out' }));
    onLoad({ filter: /^/, namespace: 'left-out' }, ({ path }) => ({ contents: absent(path), loader: 'js' }));
  },
};

/**
 * What few servers ever load, and then with `import()`: Amazon's SDK and age. As text they would cost every daemon 10 MB of memory; so they
 * are in the file compressed, and become code when they are asked for. See docs/decisions/016-where-secrets-are-pulled-from.md.
 */
const SELDOM_LOADED = /^age-encryption$|\/aws-sdk\.ts$/;

/** CommonJS, as a function's body is. */
const unpacking = (packed: string) => `
const code = require('node:zlib').brotliDecompressSync(Buffer.from(${JSON.stringify(packed)}, 'base64')).toString();
const loaded = { exports: {} };
new Function('module', 'exports', 'require', code)(loaded, loaded.exports, require);
module.exports = loaded.exports;
`;

const packSeldom: Plugin = {
  name: 'pack-seldom',
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: SELDOM_LOADED }, async ({ path, kind, pluginData, ...from }) => {
      if (kind !== 'dynamic-import' || pluginData === RESOLVING) return undefined;
      const found = await resolve(path, { ...from, kind, pluginData: RESOLVING });
      return found.errors.length > 0 ? found : { path: found.path, namespace: 'seldom-loaded' };
    });
    onLoad({ filter: /^/, namespace: 'seldom-loaded' }, async ({ path }) => {
      const { contents } = await buildOne({ entryPoints: [path], format: 'cjs', minifyWhitespace: true, minifySyntax: true });
      return { contents: unpacking(brotliCompressSync(contents).toString('base64')), loader: 'js' };
    });
  },
};

/** Keeps the plugin from answering itself. */
const RESOLVING = Symbol('resolving');

/** Bundles `entry` (from the checkout's root) as `name`. */
export async function bundle(root: string, entry: string, name: string): Promise<Bundle> {
  const { contents } = await buildOne({
    absWorkingDir: root,
    entryPoints: [join(root, entry)],
    outfile: name,
    format: 'esm',
    // Not minified: an uncaught error shows its line in the journal.
    banner: { js: BANNER },
    plugins: [leaveOut, packSeldom],
  });
  return { name, content: Buffer.from(contents) };
}

async function buildOne(options: BuildOptions): Promise<{ contents: Uint8Array }> {
  const { outputFiles } = await build({
    ...options,
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node24',
    legalComments: 'eof',
    logLevel: 'warning',
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`esbuild wrote nothing for ${String(options.entryPoints)}`);
  return output;
}

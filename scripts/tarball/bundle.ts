/** The daemon and its command line, each as one file of JavaScript. */
import { join } from 'node:path';
import { build } from 'esbuild';

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

/** Bundles `entry` (from the checkout's root) as `name`. */
export async function bundle(root: string, entry: string, name: string): Promise<Bundle> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [join(root, entry)],
    outfile: name,
    write: false,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Not minified: an uncaught error shows its line in the journal.
    legalComments: 'eof',
    banner: { js: BANNER },
    // Native addons of ssh2, which comes along with dockerode for Docker over SSH: tried in vain, never needed.
    external: ['*.node', 'cpu-features'],
    logLevel: 'warning',
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`esbuild wrote nothing for ${entry}`);
  return { name, content: Buffer.from(output.contents) };
}

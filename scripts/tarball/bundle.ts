/** The daemon and its command line, each as one file of JavaScript. */
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';

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
    plugins: [leaveOut],
    logLevel: 'warning',
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`esbuild wrote nothing for ${entry}`);
  return { name, content: Buffer.from(output.contents) };
}

/** Who may import whom (DESIGN §2), as data. Every ban carries the reason that its failure prints. */

export interface Part {
  name: string;
  /** Files of the part; the first part in {@link PARTS} that matches a file owns it. */
  files: RegExp;
  /** Parts it may import from, besides itself. `null`: any. */
  imports: readonly string[] | null;
  /** Parts it may import types from, in addition. */
  types?: readonly string[];
  /** Packages it may import. Absent: any that {@link PACKAGE_RULES} does not keep from it. */
  packages?: readonly string[];
  reason: string;
}

const DAEMON_INSIDE = ['engine', 'proxy', 'secrets', 'certs', 'metrics', 'stream', 'backup'];

export const PARTS: readonly Part[] = [
  {
    name: 'test',
    files: /^(test\/|renderer\/testing\/|.*\.test\.tsx?$|(.*\/)?test-[^/]*\.tsx?$)/,
    imports: null,
    reason: 'tests look at every part',
  },
  {
    name: 'scripts',
    files: /^(scripts\/|[^/]+\.ts$|renderer\/vite\.config\.ts$)/,
    imports: null,
    reason: 'scripts build and start every part',
  },
  { name: 'manifest', files: /^package\.json$/, imports: [], reason: 'it is data: the version' },
  {
    name: 'contract',
    files: /^daemon\/contract\//,
    imports: [],
    packages: ['zod'],
    reason: 'daemon, command line and browser all load the contract, so it is zod and nothing else',
  },
  {
    name: 'sealed',
    files: /^daemon\/secrets\/sealed\.ts$/,
    imports: [],
    reason: 'every part may hold a secret, so the type that keeps it depends on none of them',
  },
  {
    name: 'client',
    files: /^daemon\/api\/(client(-[^/]*)?|transport|tolerant)\.ts$/,
    imports: ['contract', 'sealed'],
    reason: 'the console and the command line ship the client without the daemon, so it knows only the contract',
  },
  {
    name: 'listener',
    files: /^daemon\/host\/unix-socket\.ts$/,
    imports: ['contract'],
    reason: 'it is what of host the server may use: a listening socket with its access rights',
  },
  {
    name: 'user files',
    files: /^daemon\/host\/user-files\.ts$/,
    imports: ['contract'],
    reason: 'it is what of host the command line may use: the files that its user names',
  },
  {
    name: 'engine',
    files: /^daemon\/engine\//,
    imports: ['contract', 'sealed'],
    reason: 'the engine decides; it declares the small interfaces it needs, and host, proxy and the others implement them',
  },
  {
    name: 'host',
    files: /^daemon\/host\//,
    imports: ['contract', 'sealed', 'engine'],
    types: [...DAEMON_INSIDE, 'api'],
    reason:
      'host implements what others declare: it knows the engine’s words and the interfaces of the rest, none of their behaviour',
  },
  ...['proxy', 'secrets', 'certs', 'metrics', 'stream'].map((name) => ({
    name,
    files: new RegExp(`^daemon/${name}/`),
    imports: ['contract', 'sealed', 'engine'],
    reason: `${name} implements interfaces of the engine and gets the machine passed in, so that it can be tested without one`,
  })),
  {
    name: 'backup',
    files: /^daemon\/backup\//,
    imports: ['contract', 'sealed', 'engine', 'secrets'],
    reason:
      'a backup is worth something only if its key opens its secrets, so it knows the vault; files, database and Docker are passed in, so that a restore can be killed at every write in a test',
  },
  {
    name: 'api',
    files: /^daemon\/api\//,
    imports: ['contract', 'sealed', 'listener', ...DAEMON_INSIDE],
    types: ['client'],
    reason: 'the server is built from the contract and what is passed in; it never touches the machine itself',
  },
  {
    name: 'cli',
    files: /^daemon\/cli\//,
    imports: ['contract', 'client', 'sealed', 'manifest', 'user files'],
    reason: 'the command line is one more client of the daemon and has no way around its API',
  },
  {
    name: 'daemon',
    files: /^daemon\/[^/]+\.ts$/,
    imports: ['contract', 'sealed', 'manifest', 'host', 'listener', 'api', 'client', ...DAEMON_INSIDE],
    reason: 'the composition root wires the parts of the daemon; command line and console are programs of their own',
  },
  {
    name: 'preload/contract',
    files: /^preload\/contract\.ts$/,
    imports: ['contract'],
    packages: ['zod'],
    reason: 'core and renderer both load the link’s contract, so it must run in a browser',
  },
  {
    name: 'preload',
    files: /^preload\//,
    imports: ['preload/contract'],
    packages: ['electron'],
    reason: 'the preload is one sandboxed bundle: it has Electron’s bridge and no Node',
  },
  {
    name: 'core',
    files: /^main\/core\//,
    imports: ['contract', 'sealed', 'client', 'preload/contract'],
    reason: 'the core runs in any Node and reaches a daemon only over its API',
  },
  {
    name: 'web',
    files: /^main\/web\//,
    imports: ['contract', 'preload/contract'],
    reason: 'the web shell carries frames and files; the core is passed in',
  },
  {
    name: 'electron',
    files: /^main\/electron\//,
    imports: ['contract', 'sealed', 'core', 'preload/contract', 'preload', 'web'],
    reason: 'the Electron shell starts the core and serves the same files; it never talks to a daemon',
  },
  {
    name: 'renderer',
    files: /^renderer\//,
    imports: ['contract', 'preload/contract'],
    reason: 'the renderer knows the bridge alone; what it needs of a server goes through the core',
  },
];

export interface PackageRule {
  packages: RegExp;
  /** Parts that may import them; `test` and `scripts` always may. */
  allowed: readonly string[];
  reason: string;
}

const NOT_IN_DAEMON = ['core', 'web', 'electron'];

export const PACKAGE_RULES: readonly PackageRule[] = [
  {
    packages: /^electron(\/|$)/,
    allowed: ['electron', 'preload'],
    reason: 'everything else must run, and be tested, without Electron',
  },
  { packages: /^electron-store$/, allowed: ['electron'], reason: 'it needs Electron; the core has a file store of its own' },
  {
    packages: /^dockerode$/,
    allowed: ['host'],
    reason: 'Docker is reached through host’s interfaces alone, so that the engine can be tested without it',
  },
  {
    packages: /^(node:)?(child_process|fs|fs\/promises|sqlite)$/,
    allowed: ['host', 'listener', 'user files', ...NOT_IN_DAEMON],
    reason: 'only host touches the machine; other parts of the daemon declare what they need',
  },
  {
    packages: /^@(aws-sdk|smithy)\//,
    allowed: ['host'],
    reason:
      'Amazon’s SDK looks for credentials on the machine and calls the network; others ask for parameters through host’s interface',
  },
  { packages: /^ssh2(\/|$)/, allowed: ['core'], reason: 'SSH connections and their credentials live in the core' },
  {
    packages: /^(react|react-dom|@mantine|@tanstack|@xterm|uplot|wouter|zustand|lucide-react)(\/|$)/,
    allowed: ['renderer'],
    reason: 'only the renderer draws',
  },
];

/** Parts that run where there is no Node. */
export const BROWSER_PARTS: readonly string[] = ['contract', 'preload/contract', 'preload', 'renderer'];

/** Parts that are never shipped, and so never imported by one that is. */
export const UNSHIPPED_PARTS: readonly string[] = ['test', 'scripts'];

export const FILE_LINES_SHOWN_ABOVE = 300;
export const FILE_LINES_MAX = 500;

export const ARCHITECTURES = ['x64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** One build of the daemon for one architecture: what `npm run dist` makes. */
export interface DaemonTarball {
  /** On this machine. */
  path: string;
  /** Of the file, in hex. */
  sha256: string;
  version: string;
  /** Of everything inside, in hex: equal contents have equal hashes. Names the release on a server. */
  contentHash: string;
}

/** Rejects, saying why, where there is no build for the architecture. */
export type TarballProvider = (architecture: Architecture) => Promise<DaemonTarball>;

/** The parts of the machine that every proxy's driver needs. */
export interface ProxyMachine {
  readText(path: string): Promise<string | null>;
  /** Whole or not at all. Everybody may read it, unless `readers` says who. */
  writeText(path: string, content: string, readers?: Readers): Promise<void>;
  /** Fine if it is gone. */
  remove(path: string): Promise<void>;
  /** Rejects when there is no such directory. */
  listFiles(directory: string): Promise<string[]>;
  run(file: string, args: readonly string[], options: ProxyRun): Promise<{ code: number | null; output: string }>;
}

/** Who may read a file beside root. */
export interface Readers {
  /** By name; null: nobody. */
  group: string | null;
}

export interface ProxyRun {
  input?: string;
  cwd?: string;
  /** With user and environment of the proxy's unit. */
  asService?: boolean;
  /** The program sees the files of `directory` at `at`, and nobody else does. Only with `asService`. */
  sees?: { directory: string; at: string };
  signal: AbortSignal;
  deadlineMs: number;
  outputCharactersMax?: number;
}

/** The demo's phases: one line each with its time, and an end in order whatever happens. */

export interface Phases {
  /** Runs one phase and prints its line: letter, title, seconds, what `work` says. Throws what `work` throws, after saying so. */
  run<T>(letter: string, title: string, work: (say: (detail: string) => void) => Promise<T>): Promise<T>;
  /** Undone in reverse order by `end`, also when later phases fail; each is tried whatever the others do. */
  onEnd(title: string, undo: () => Promise<void>): void;
  /** Idempotent. Resolves with what could not be undone. */
  end(): Promise<string[]>;
}

interface Undo {
  title: string;
  undo: () => Promise<void>;
}

export function createPhases(print: (line: string) => void, now: () => number = () => performance.now()): Phases {
  const undos: Undo[] = [];
  let ending: Promise<string[]> | undefined;
  return {
    async run(letter, title, work) {
      const start = now();
      const details: string[] = [];
      const seconds = () => `${((now() - start) / 1000).toFixed(1)} s`.padStart(8);
      const line = (mark: string) => `${mark} ${letter}  ${title.padEnd(10)}${seconds()}  ${details.join(', ')}`;
      try {
        const result = await work((detail) => details.push(detail));
        print(line('✓'));
        return result;
      } catch (error) {
        print(line('✗'));
        throw error;
      }
    },
    onEnd: (title, undo) => void undos.push({ title, undo }),
    end: () => (ending ??= undoAll(undos)),
  };
}

async function undoAll(undos: Undo[]): Promise<string[]> {
  const failures: string[] = [];
  for (let entry = undos.pop(); entry !== undefined; entry = undos.pop()) {
    try {
      await entry.undo();
    } catch (error) {
      failures.push(`${entry.title}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return failures;
}

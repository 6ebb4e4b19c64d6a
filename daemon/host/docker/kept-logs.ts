/** The last lines of containers that were removed: what the release before a swap said is what one wants to read after it. */
import type { ContainerLine, LoggedContainer, LogSource, ReadLogsOptions } from '../../stream/logs.ts';

export const KEPT_LOGS = {
  lines_max: 2_000,
  characters_max: 512 * 1024,
  /** Of all apps together; the oldest goes first. They are in memory and end with the daemon. */
  containers_max: 32,
  /** Longer than this a removal does not wait for Docker's log. */
  read_ms_max: 3_000,
} as const;

interface Kept extends LoggedContainer {
  app_name: string;
  lines: ContainerLine[];
}

/** Lines of containers, those that are gone too. */
export class KeptLogs implements LogSource {
  readonly #source: LogSource;
  /** By container id, oldest first. */
  readonly #kept = new Map<string, Kept>();

  constructor(source: LogSource) {
    this.#source = source;
  }

  /** Reads a stopped container's last lines before it is removed. Never fails: a removal must not hang on a log. */
  async keep(app_name: string, container: LoggedContainer, signal: AbortSignal): Promise<void> {
    const lines: ContainerLine[] = [];
    let characters = 0;
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(KEPT_LOGS.read_ms_max)]);
    try {
      const options = { tail: KEPT_LOGS.lines_max, follow: false, signal: deadline };
      for await (const line of this.#source.readLogs(container.container_id, options)) {
        lines.push(line);
        characters += line.log.length;
        while (characters > KEPT_LOGS.characters_max) characters -= lines.shift()?.log.length ?? characters;
      }
    } catch {
      // What could be read until then is kept.
    }
    this.#kept.set(container.container_id, { app_name, ...container, lines });
    for (const id of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_LOGS.containers_max) break;
      this.#kept.delete(id);
    }
  }

  /** The removed containers of an app whose lines are kept, oldest first. */
  listContainers(app_name: string): LoggedContainer[] {
    const ours = [...this.#kept.values()].filter((kept) => kept.app_name === app_name);
    return ours.map(({ container_id, release, slot }) => ({ container_id, release, slot }));
  }

  /** When an app is removed, its lines go with it. */
  forget(app_name: string): void {
    for (const [id, kept] of this.#kept) if (kept.app_name === app_name) this.#kept.delete(id);
  }

  readLogs(containerId: string, options: ReadLogsOptions): AsyncIterable<ContainerLine> {
    const kept = this.#kept.get(containerId);
    return kept === undefined ? this.#source.readLogs(containerId, options) : replay(kept.lines, options);
  }
}

async function* replay(lines: readonly ContainerLine[], { since, tail, signal }: ReadLogsOptions): AsyncGenerator<ContainerLine> {
  const wanted = since === undefined ? lines : lines.filter((line) => line.ts > since);
  for (const line of tail === undefined ? wanted : wanted.slice(Math.max(wanted.length - tail, 0))) {
    if (signal.aborted) return;
    yield line;
  }
}

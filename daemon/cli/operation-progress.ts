/** An operation under way on the screen: drawn in place on a terminal, a line for each piece of news elsewhere. */
import type { Operation } from '../contract/domain.ts';
import { print, type Terminal, write } from './terminal.ts';
import { hints, moves, timeline } from './timeline.ts';

const REDRAW_MS = 200;

/** The timeline, redrawn in place. */
export class LiveView {
  readonly #terminal: Terminal;
  readonly #timer: NodeJS.Timeout;
  #shown: { operation: Operation; watch_ms: number | null } | undefined;
  #drawn = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#timer = setInterval(() => void this.#draw(), REDRAW_MS);
  }

  show(operation: Operation, watch_ms: number | null): Promise<void> {
    this.#shown = { operation, watch_ms };
    return this.#draw();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  async #draw(): Promise<void> {
    if (this.#shown === undefined) return;
    const { operation, watch_ms } = this.#shown;
    const { stdout } = this.#terminal;
    const columns = stdout.columns || 80;
    const steps = timeline(operation, { columns, now_ms: Date.now(), watch_ms, output: 'last' });
    // What has scrolled away cannot be redrawn: of a timeline higher than the screen the end is shown.
    const lines = [...steps, ...hints(operation).map((hint) => hint.slice(0, columns - 1))].slice(1 - (stdout.rows || 50));
    const up = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A`;
    this.#drawn = lines.length;
    await write(stdout, `${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}\u001b[J`);
  }
}

/** One line for each piece of news, for logs and pipes. */
export class PlainView {
  readonly #terminal: Terminal;
  readonly #printed = new Set<string>();

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  async show(operation: Operation, watch_ms: number | null): Promise<void> {
    for (const { key, line } of moves(operation, watch_ms)) {
      if (!this.#printed.has(key)) await print(this.#terminal, line);
      this.#printed.add(key);
    }
  }

  end(): void {
    // Nothing to take back.
  }
}

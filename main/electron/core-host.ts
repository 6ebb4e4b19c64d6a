/** Runs the core as a process of its own, starts it again when it dies, and links pages to it. */
import { MessageChannelMain, type UtilityProcess, utilityProcess, type WebContents } from 'electron';
import { LINK_CHANNEL } from '../../preload/wire.ts';
import { restartDelayMs } from './core-restarts.ts';
import { answerSecretRequest, type SecretAnswer, type SecretRequest, type TextStore } from './secrets.ts';

/** From the main process to the core; a `connect` carries a port. */
export type CoreMessage = { kind: 'connect' } | SecretAnswer | { kind: 'end' };

/** What the core is started with, as JSON in its first argument. */
export interface CoreArguments {
  dataDirectory: string;
  knownHostsFile: string;
  version: string;
  /** Without a keychain the core keeps secrets in memory alone. */
  hasKeychain: boolean;
}

export interface CoreHostOptions {
  /** The built `core-process.ts`. */
  entry: string;
  coreArguments: CoreArguments;
  secrets: TextStore | null;
  /** Called when the core does not survive and is not started again. */
  onGivenUp(): void;
}

/** How long the core may take to end its connections when the console ends. */
const END_WAIT_MS_MAX = 3_000;

export class CoreHost {
  readonly #options: CoreHostOptions;
  readonly #pages = new Set<WebContents>();
  readonly #deaths: number[] = [];
  #process: UtilityProcess | null = null;
  readonly #ending = new AbortController();

  constructor(options: CoreHostOptions) {
    this.#options = options;
  }

  start(): void {
    const child = utilityProcess.fork(this.#options.entry, [JSON.stringify(this.#options.coreArguments)], {
      serviceName: 'NextDeploy core',
      stdio: 'inherit',
    });
    this.#process = child;
    child.on('message', (message: SecretRequest) => void this.#answer(child, message));
    child.once('exit', () => this.#restart());
    for (const page of this.#pages) this.#link(page);
  }

  /** Links a page to the core, now and after every restart of it, until the page is gone. */
  connect(page: WebContents): void {
    if (!this.#pages.has(page)) {
      this.#pages.add(page);
      page.once('destroyed', () => this.#pages.delete(page));
    }
    this.#link(page);
  }

  /** Lets the core close its connections, then ends it. */
  async end(): Promise<void> {
    this.#ending.abort();
    const child = this.#process;
    if (child === null) return;
    const hasExited = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
    });
    child.postMessage({ kind: 'end' } satisfies CoreMessage);
    const impatience = setTimeout(() => child.kill(), END_WAIT_MS_MAX);
    await hasExited;
    clearTimeout(impatience);
  }

  #link(page: WebContents): void {
    if (this.#process === null || page.isDestroyed()) return;
    const { port1, port2 } = new MessageChannelMain();
    this.#process.postMessage({ kind: 'connect' } satisfies CoreMessage, [port1]);
    page.postMessage(LINK_CHANNEL, null, [port2]);
  }

  async #answer(child: UtilityProcess, request: SecretRequest): Promise<void> {
    const { secrets } = this.#options;
    if (secrets === null) return;
    child.postMessage((await answerSecretRequest(secrets, request)) satisfies CoreMessage);
  }

  #restart(): void {
    this.#process = null;
    if (this.#ending.signal.aborted) return;
    const now_ms = Date.now();
    this.#deaths.push(now_ms);
    const delay_ms = restartDelayMs(this.#deaths, now_ms);
    if (delay_ms === null) this.#options.onGivenUp();
    else setTimeout(() => this.#ending.signal.aborted || this.start(), delay_ms);
  }
}

/**
 * The core's side of the message link in preload/contract.ts. Nothing that comes over it is trusted: every frame, input and message is
 * checked against the tables, and what waits is bounded.
 */
import { z } from 'zod';
import { DomainError } from '../../daemon/contract/errors.ts';
import {
  type CallName,
  type CallOutput,
  type Calls,
  type ChannelDown,
  type ChannelName,
  type Channels,
  type CorePort,
  calls,
  channels,
  type DownFrame,
  type UpFrame,
  upFrameSchema,
} from '../../preload/contract.ts';
import { isExpected, LinkError, toLinkError } from './errors.ts';
import type { CoreLog } from './log.ts';

export type CallHandlers = {
  [N in CallName]: (input: z.output<Calls[N]['input']>, signal: AbortSignal) => Promise<CallOutput<N>>;
};

export interface ChannelContext<N extends ChannelName> {
  /** Aborted when the renderer closes the channel or the link is lost. */
  signal: AbortSignal;
  /** Resolves when the link can take more. Rejects once the channel is closed. */
  send(message: ChannelDown<N>): Promise<void>;
  /** Sets who takes the renderer's messages; those that came earlier are delivered at once. */
  onMessage(listener: (message: z.output<Channels[N]['up']>) => void): void;
}

/** Each runs as long as its channel is open: returning ends it, throwing ends it with the error. */
export type ChannelHandlers = {
  [N in ChannelName]: (input: z.output<Channels[N]['input']>, context: ChannelContext<N>) => Promise<void>;
};

export interface LinkHandlers {
  calls: CallHandlers;
  channels: ChannelHandlers;
}

export const LINK_BOUNDS = {
  calls_max: 256,
  channels_max: 128,
  early_messages_max: 64,
  /** Above this, streams wait for the link. */
  buffered_bytes_high: 1024 * 1024,
  drain_poll_ms: 10,
} as const;

/** What can be read of a frame that is answered, whatever else is wrong with it. */
const askingFrameSchema = z.object({ t: z.enum(['call', 'open']), id: z.number().int().nonnegative() });

interface OpenChannel {
  /** As the renderer named it; only a name of the table is ever served. */
  name: string;
  abort: AbortController;
  listener: ((message: unknown) => void) | null;
  early: unknown[];
}

/** Serves one link until its port closes. */
export function serveLink(port: CorePort, handlers: LinkHandlers, log: CoreLog): { close(): void } {
  const link = new Link(port, handlers, log);
  port.onFrame((frame) => link.receive(frame));
  port.onClose(() => link.close());
  return link;
}

class Link {
  readonly #port: CorePort;
  readonly #handlers: LinkHandlers;
  readonly #log: CoreLog;
  readonly #calls = new Map<number, AbortController>();
  readonly #channels = new Map<number, OpenChannel>();
  readonly #closed = new AbortController();

  constructor(port: CorePort, handlers: LinkHandlers, log: CoreLog) {
    this.#port = port;
    this.#handlers = handlers;
    this.#log = log;
  }

  receive(raw: unknown): void {
    if (this.#closed.signal.aborted) return;
    const parsed = upFrameSchema.safeParse(raw);
    if (parsed.success) this.#dispatch(parsed.data);
    else this.#refuse(raw);
  }

  /** Whoever waits for an answer gets one, as far as the frame says who it is. */
  #refuse(raw: unknown): void {
    this.#log.warn('a frame that does not match the contract was dropped');
    const asked = askingFrameSchema.safeParse(raw);
    if (!asked.success || this.#isTaken(asked.data.id)) return;
    const { t, id } = asked.data;
    const error = toLinkError(new DomainError('invalid_request', 'The message does not match the contract.'));
    this.#post({ t: t === 'call' ? 'error' : 'end', id, error });
  }

  close(): void {
    this.#closed.abort();
    const reason = new LinkError('closed', 'The link to the console was closed.');
    for (const call of this.#calls.values()) call.abort(reason);
    for (const channel of this.#channels.values()) channel.abort.abort(reason);
    this.#calls.clear();
    this.#channels.clear();
  }

  #dispatch(frame: UpFrame): void {
    switch (frame.t) {
      case 'call':
        this.#call(frame.id, frame.name, frame.input);
        break;
      case 'open':
        this.#open(frame.id, frame.name, frame.input);
        break;
      case 'send':
        this.#deliver(frame.id, frame.message);
        break;
      case 'close':
        this.#channels.get(frame.id)?.abort.abort(new LinkError('closed', 'The stream was closed.'));
        this.#channels.delete(frame.id);
    }
  }

  #call(id: number, name: string, input: unknown): void {
    if (this.#isTaken(id)) return;
    const abort = new AbortController();
    this.#calls.set(id, abort);
    this.#run(name, input, abort.signal)
      .then(
        (value) => this.#post({ t: 'result', id, value }),
        (error: unknown) => this.#post({ t: 'error', id, error: this.#explain(error, name) }),
      )
      .finally(() => this.#calls.delete(id));
  }

  async #run(name: string, raw: unknown, signal: AbortSignal): Promise<unknown> {
    if (!isName(calls, name)) throw new DomainError('invalid_request', `There is no call "${name.slice(0, 80)}".`);
    if (this.#calls.size > LINK_BOUNDS.calls_max) throw tooMany('calls');
    return this.#answer(name, raw, signal);
  }

  async #answer<N extends CallName>(name: N, raw: unknown, signal: AbortSignal): Promise<unknown> {
    const input = parseInput(calls[name].input, raw) as z.output<Calls[N]['input']>;
    const output = await this.#handlers.calls[name](input, signal);
    return calls[name].output.parse(output);
  }

  #open(id: number, name: string, input: unknown): void {
    if (this.#isTaken(id)) return;
    const channel: OpenChannel = { name, abort: new AbortController(), listener: null, early: [] };
    this.#channels.set(id, channel);
    const end = (frame: DownFrame) => {
      // Closed by the renderer: it expects nothing more, and may use the id again.
      if (this.#channels.get(id) !== channel) return;
      this.#channels.delete(id);
      this.#post(frame);
    };
    this.#serve(id, name, channel, input).then(
      () => end({ t: 'end', id }),
      (error: unknown) => {
        if (!channel.abort.signal.aborted) end({ t: 'end', id, error: this.#explain(error, name) });
      },
    );
  }

  async #serve(id: number, name: string, channel: OpenChannel, raw: unknown): Promise<void> {
    if (!isName(channels, name)) throw new DomainError('invalid_request', `There is no stream "${name.slice(0, 80)}".`);
    if (this.#channels.size > LINK_BOUNDS.channels_max) throw tooMany('streams');
    await this.#follow(id, name, channel, raw);
  }

  async #follow<N extends ChannelName>(id: number, name: N, channel: OpenChannel, raw: unknown): Promise<void> {
    const input = parseInput(channels[name].input, raw) as z.output<Channels[N]['input']>;
    await this.#handlers.channels[name](input, {
      signal: channel.abort.signal,
      send: (message) => this.#send(id, name, channel, message),
      onMessage: (listener) => {
        // Every message was parsed by this channel's own schema in #deliver.
        channel.listener = listener as (message: unknown) => void;
        for (const message of channel.early.splice(0)) channel.listener(message);
      },
    });
  }

  async #send<N extends ChannelName>(id: number, name: N, channel: OpenChannel, message: ChannelDown<N>): Promise<void> {
    channel.abort.signal.throwIfAborted();
    this.#post({ t: 'data', id, message: channels[name].down.parse(message) });
    while (!channel.abort.signal.aborted && (this.#port.bufferedBytes?.() ?? 0) > LINK_BOUNDS.buffered_bytes_high) {
      // Ports report how much waits, not when it has gone.
      await new Promise((resolve) => setTimeout(resolve, LINK_BOUNDS.drain_poll_ms));
    }
  }

  #deliver(id: number, raw: unknown): void {
    const channel = this.#channels.get(id);
    // A message may cross with the end of its channel.
    if (channel === undefined) return;
    const parsed = isName(channels, channel.name) ? channels[channel.name].up.safeParse(raw) : null;
    if (parsed?.success !== true) {
      this.#log.warn('a message that does not match the contract was dropped', { stream: channel.name });
    } else if (channel.listener !== null) channel.listener(parsed.data);
    else if (channel.early.length < LINK_BOUNDS.early_messages_max) channel.early.push(parsed.data);
  }

  /** An id in use cannot be answered without answering the other user of it. */
  #isTaken(id: number): boolean {
    const isTaken = this.#calls.has(id) || this.#channels.has(id);
    if (isTaken) this.#log.warn('a frame with an id that is in use was dropped', { id });
    return isTaken;
  }

  #post(frame: DownFrame): void {
    if (!this.#closed.signal.aborted) this.#port.post(frame);
  }

  #explain(error: unknown, name: string) {
    if (!isExpected(error)) this.#log.error('unexpected error', { name: name.slice(0, 80), error });
    return toLinkError(error);
  }
}

function isName<T extends object>(table: T, name: string): name is Extract<keyof T, string> {
  return Object.hasOwn(table, name);
}

function parseInput(schema: z.ZodType, raw: unknown): unknown {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.map((issue) => ({ field: issue.path.join('.'), message: issue.message }));
  const first = details[0] ?? { field: '', message: 'it does not match the contract' };
  throw new DomainError('invalid_request', first.field === '' ? first.message : `${first.field}: ${first.message}`, { details });
}

function tooMany(what: string): DomainError {
  return new DomainError('rate_limited', `Too many ${what} are open at once; close some windows and try again.`);
}

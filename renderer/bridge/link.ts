import {
  type Bridge,
  type CallInput,
  type CallName,
  type CallOutput,
  type ChannelDown,
  type ChannelInput,
  type ChannelName,
  type ChannelUp,
  calls,
  channels,
  type DownFrame,
  downFrameSchema,
} from '../../preload/contract.ts';
import { BridgeError, linkLost } from './bridge-error.ts';

/** Calls that the core has not answered, and channels open at once; more is a defect of the renderer. */
const PENDING_MAX = 512;
/** Longer than any deadline of the core, which answers with the better message. */
const CALL_DEADLINE_MS = 180_000;

export interface ChannelHandlers<N extends ChannelName> {
  onMessage(message: ChannelDown<N>): void;
  /** Called once, when the core ends the channel or the link is lost; not after `close()`. */
  onEnd(error: BridgeError | null): void;
}

export interface Channel<N extends ChannelName> {
  send(message: ChannelUp<N>): void;
  close(): void;
}

/** Typed calls and channels on top of the frames of a {@link Bridge}. */
export interface Link {
  readonly isOpen: boolean;
  /** Resolves with the checked output. Throws a {@link BridgeError}, also when the link is lost or the deadline passes. */
  call<N extends CallName>(name: N, input: CallInput<N>): Promise<CallOutput<N>>;
  open<N extends ChannelName>(name: N, input: ChannelInput<N>, handlers: ChannelHandlers<N>): Channel<N>;
  /** Told of every change of `isOpen`. Returns how to stop listening. */
  onChange(listener: (isOpen: boolean) => void): () => void;
  /** Ends everything pending and stops listening to the bridge. */
  dispose(): void;
}

interface Pending {
  result(value: unknown): void;
  data(message: unknown): void;
  end(error: BridgeError | null): void;
}

/** Checks every frame and every message against the contract, so that the rest of the renderer can trust its types. */
export function createLink(bridge: Bridge): Link {
  const pending = new Map<number, Pending>();
  const listeners = new Set<(isOpen: boolean) => void>();
  let isOpen = true;
  let lastId = 0;

  const endAll = () => {
    const ended = [...pending.values()];
    pending.clear();
    for (const entry of ended) entry.end(linkLost());
  };
  const receive = (frame: DownFrame) => {
    const entry = pending.get(frame.id);
    if (entry === undefined) return; // closed by us while the frame was under way
    if (frame.t === 'data') return entry.data(frame.message);
    pending.delete(frame.id);
    if (frame.t === 'result') entry.result(frame.value);
    else entry.end(frame.error === undefined ? null : new BridgeError(frame.error));
  };
  const stopFrames = bridge.onFrame((raw) => {
    const frame = downFrameSchema.safeParse(raw);
    if (frame.success) receive(frame.data);
    else console.error('a frame from the core does not match the contract', frame.error.issues);
  });
  const stopLink = bridge.onLink((open) => {
    if (open === isOpen) return;
    isOpen = open;
    if (!open) endAll();
    for (const listener of listeners) listener(open);
  });
  const register = (entry: Pending): number => {
    if (!isOpen) throw linkLost();
    if (pending.size >= PENDING_MAX) throw mismatch('too many requests are waiting; reload the window');
    lastId += 1;
    pending.set(lastId, entry);
    return lastId;
  };

  return {
    get isOpen() {
      return isOpen;
    },
    call: (name, input) => startCall(name, input, { bridge, register, forget: (id) => pending.delete(id) }),
    open: (name, input, handlers) => openChannel(name, input, handlers, { bridge, register, forget: (id) => pending.delete(id) }),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    dispose() {
      stopFrames();
      stopLink();
      endAll();
      listeners.clear();
    },
  };
}

interface Registry {
  bridge: Bridge;
  /** Throws where the link is lost or full. */
  register(entry: Pending): number;
  forget(id: number): boolean;
}

function startCall<N extends CallName>(name: N, input: CallInput<N>, registry: Registry): Promise<CallOutput<N>> {
  return new Promise((resolve, reject) => {
    let id = -1;
    const deadline = setTimeout(() => {
      registry.forget(id);
      reject(new BridgeError({ code: 'unavailable', message: 'The console’s core did not answer in time; try again.' }));
    }, CALL_DEADLINE_MS);
    const settle = (act: () => void) => {
      clearTimeout(deadline);
      act();
    };
    try {
      id = registry.register({
        result: (value) => settle(() => resolveChecked(name, value, resolve, reject)),
        data: () => undefined,
        end: (error) => settle(() => reject(error ?? mismatch(`"${name}" ended without a result`))),
      });
      registry.bridge.post({ t: 'call', id, name, ...(input === undefined ? {} : { input }) });
    } catch (error) {
      registry.forget(id);
      settle(() => reject(error));
    }
  });
}

function resolveChecked<N extends CallName>(
  name: N,
  value: unknown,
  resolve: (value: CallOutput<N>) => void,
  reject: (error: unknown) => void,
): void {
  const output = calls[name].output.safeParse(value);
  // The schema was looked up by the same name as the type.
  if (output.success) resolve(output.data as CallOutput<N>);
  else reject(mismatch(`the answer to "${name}" does not match the contract`));
}

function openChannel<N extends ChannelName>(
  name: N,
  input: ChannelInput<N>,
  handlers: ChannelHandlers<N>,
  registry: Registry,
): Channel<N> {
  let isClosed = false;
  let id = -1;
  const end = (error: BridgeError | null) => {
    if (isClosed) return;
    isClosed = true;
    handlers.onEnd(error);
  };
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    if (registry.forget(id)) registry.bridge.post({ t: 'close', id });
  };
  const receive = (message: unknown) => {
    const parsed = channels[name].down.safeParse(message);
    if (parsed.success) return handlers.onMessage(parsed.data as ChannelDown<N>);
    if (registry.forget(id)) registry.bridge.post({ t: 'close', id });
    end(mismatch(`a message of "${name}" does not match the contract`));
  };
  id = registry.register({ result: () => undefined, data: receive, end });
  registry.bridge.post({ t: 'open', id, name, ...(input === undefined ? {} : { input }) });
  return {
    close,
    send(message) {
      if (!isClosed) registry.bridge.post({ t: 'send', id, message });
    },
  };
}

const mismatch = (text: string) => new BridgeError({ code: 'internal', message: `Unexpected: ${text}.` });

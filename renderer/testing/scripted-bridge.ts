import { type RouteName, routes } from '../../daemon/contract/routes.ts';
import { type StreamName, streams } from '../../daemon/contract/streams.ts';
import {
  type Bridge,
  type CallName,
  type ChannelName,
  calls,
  channels,
  type DownFrame,
  downFrameSchema,
  type LinkErrorShape,
  type UpFrame,
  upFrameSchema,
} from '../../preload/contract.ts';
import type { ScenarioName } from './scenarios.ts';
import { ScriptedCore } from './scripted-core.ts';

/** Thrown by the script in place of an answer. */
export class Refusal extends Error {
  readonly shape: LinkErrorShape;
  constructor(shape: LinkErrorShape) {
    super(shape.message);
    this.shape = shape;
  }
}

/** What a channel of the script can do. */
export interface ScriptedChannel {
  send(message: unknown): void;
  end(error?: LinkErrorShape): void;
  /** Set by the script: takes what the renderer sends, and is told of its end. */
  onMessage?: (message: unknown) => void;
  onClose?: () => void;
}

/** What the renderer has asked for. */
export interface ScriptedCall {
  name: CallName;
  input: unknown;
}

interface ScriptOptions {
  /** So many times faster than it is pleasant to watch. */
  pace?: number;
  onCall?: (call: ScriptedCall) => void;
}

/** A {@link Bridge} to a script instead of a core. Every frame, input and output is checked against the contract, so the script cannot drift. */
export function createScriptedBridge(scenario: ScenarioName, { pace = 1, onCall }: ScriptOptions = {}): Bridge {
  const listeners = new Set<(frame: DownFrame) => void>();
  const open = new Map<number, ScriptedChannel>();
  const core = new ScriptedCore(scenario, pace);
  const emit = (frame: DownFrame) => {
    const checked = downFrameSchema.parse(frame);
    for (const listener of listeners) listener(checked);
  };

  const call = async (id: number, name: CallName, input: unknown) => {
    try {
      onCall?.({ name, input });
      const value = calls[name].output.parse(await core.call(name, calls[name].input.parse(input)));
      emit({ t: 'result', id, ...(value === undefined ? {} : { value }) });
    } catch (error) {
      emit({ t: 'error', id, error: shapeOf(error) });
    }
  };
  const openChannel = (id: number, name: ChannelName, input: unknown) => {
    const channel: ScriptedChannel = {
      send: (message) => open.has(id) && emit({ t: 'data', id, message: channels[name].down.parse(message) }),
      end(error) {
        if (!open.delete(id)) return;
        channel.onClose?.();
        emit({ t: 'end', id, ...(error === undefined ? {} : { error }) });
      },
    };
    open.set(id, channel);
    core.open(name, channels[name].input.parse(input), channel);
  };
  const receive = (frame: UpFrame) => {
    if (frame.t === 'call') void call(frame.id, frame.name as CallName, frame.input);
    else if (frame.t === 'open') openChannel(frame.id, frame.name as ChannelName, frame.input);
    else if (frame.t === 'send') open.get(frame.id)?.onMessage?.(frame.message);
    else {
      open.get(frame.id)?.onClose?.();
      open.delete(frame.id);
    }
  };

  return {
    post: (frame) => queueMicrotask(() => receive(upFrameSchema.parse(frame))),
    onFrame(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onLink(listener) {
      if (typeof window === 'undefined') return () => undefined;
      const lose = () => listener(false);
      window.addEventListener('scripted-link-lost', lose); // a picture of it is taken
      return () => window.removeEventListener('scripted-link-lost', lose);
    },
  };
}

function shapeOf(error: unknown): LinkErrorShape {
  if (error instanceof Refusal) return error.shape;
  console.error('the script broke the contract', error);
  return { code: 'internal', message: String(error) };
}

/** An answer of the scripted daemon, checked as the real one's is. */
export const checkedAnswer = (route: RouteName, value: unknown): unknown => routes[route].response.parse(value);
export const checkedMessage = (stream: StreamName, value: unknown): unknown => streams[stream].message.parse(value);

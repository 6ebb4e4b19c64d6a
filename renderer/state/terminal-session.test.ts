import { expect, it, vi } from 'vitest';
import type { Bridge, DownFrame, UpFrame } from '../../preload/contract.ts';
import { createLink } from '../bridge/link.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { openTerminal } from './terminal-session.ts';

function openShell() {
  const sent: UpFrame[] = [];
  let receive: (frame: DownFrame) => void = () => undefined;
  const bridge: Bridge = {
    post: (frame) => sent.push(frame),
    onFrame: (listener) => {
      receive = listener;
      return () => undefined;
    },
    onLink: () => () => undefined,
  };
  const drawn: (() => void)[] = [];
  const onEnd = vi.fn();
  const session = openTerminal(
    createLink(bridge),
    'web-1',
    { cols: 80, rows: 24 },
    { onOutput: (_bytes, taken) => drawn.push(taken), onEnd },
  );
  const output = (bytes: number) =>
    receive({ t: 'data', id: 1, message: { kind: 'output', data: toBase64(new Uint8Array(bytes)) } });
  const messages = () => sent.flatMap((frame) => (frame.t === 'send' ? [frame.message] : []));
  return {
    session,
    output,
    drawn,
    messages,
    onEnd,
    end: () => receive({ t: 'end', id: 1 }),
    say: (message: unknown) => receive({ t: 'data', id: 1, message }),
  };
}

it('acknowledges only what was drawn, in portions, and the rest once nothing is left to draw', () => {
  const { output, drawn, messages } = openShell();
  output(10_000);
  output(10_000);
  output(100);
  expect(messages()).toEqual([]);
  drawn[0]!();
  expect(messages()).toEqual([]);
  drawn[1]!();
  expect(messages()).toEqual([{ kind: 'ack', bytes: 20_000 }]);
  drawn[2]!();
  expect(messages().at(-1)).toEqual({ kind: 'ack', bytes: 100 });
});

it('sends a large paste in portions that together are the paste', () => {
  const { session, messages } = openShell();
  const paste = Uint8Array.from({ length: 150_000 }, (_, index) => index % 251);
  session.write(paste);
  const parts = messages().map((message) => fromBase64((message as { data: string }).data));
  expect(parts).toHaveLength(3);
  expect(Uint8Array.from(parts.flatMap((part) => [...part]))).toEqual(paste);
});

it('says how the shell ended', () => {
  const { say, end, onEnd } = openShell();
  say({ kind: 'exit', code: 3, signal: null });
  end();
  expect(onEnd).toHaveBeenCalledExactlyOnceWith('the shell ended with code 3');
});

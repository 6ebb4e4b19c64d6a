/** A core of its own for a test: its files in a temporary folder, and the renderer's end of its message link. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Core, createCore } from '../../main/core/core.ts';
import type { TarballProvider } from '../../main/core/installer/tarball.ts';
import type { ChannelDown, ChannelInput, ChannelName, ChannelUp, DownFrame } from '../../preload/contract.ts';
import { buildDaemonTarball } from '../../scripts/dist.ts';
import type { Bed } from '../bed/bed.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

export interface TestCore {
  core: Core;
  directory: string;
  knownHosts: string;
  close(): Promise<void>;
}

export async function startCore(tarball: TarballProvider = (arch) => buildDaemonTarball({ arch })): Promise<TestCore> {
  const directory = await mkdtemp(join(tmpdir(), 'nextdeploy-core-'));
  const knownHosts = join(directory, 'known_hosts');
  const core = await createCore({
    dataDirectory: directory,
    knownHostsFile: knownHosts,
    tarball,
    log: SILENT,
    version: '0.0.0',
    shell: 'web',
  });
  return {
    core,
    directory,
    knownHosts,
    close: async () => {
      core.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export interface TestChannel<N extends ChannelName> {
  messages: ChannelDown<N>[];
  /** Undefined while it is open. */
  end: { code: string; message: string } | null | undefined;
  send(message: ChannelUp<N>): void;
  close(): void;
}

/** Opens a channel as the renderer does: by frames. */
export function openChannel<N extends ChannelName>(core: Core, name: N, input: ChannelInput<N>): TestChannel<N> {
  let receive: (frame: unknown) => void = () => undefined;
  const channel: TestChannel<N> = {
    messages: [],
    end: undefined,
    send: (message) => receive({ t: 'send', id: 1, message }),
    close: () => receive({ t: 'close', id: 1 }),
  };
  core.connect({
    post: (frame: DownFrame) => {
      // The core has parsed it by this channel's schema.
      if (frame.t === 'data') channel.messages.push(frame.message as ChannelDown<N>);
      if (frame.t === 'end') channel.end = frame.error ?? null;
    },
    onFrame: (listener) => {
      receive = listener;
    },
    onClose: () => undefined,
  });
  receive({ t: 'open', id: 1, name, input });
  return channel;
}

/** Runs a program in the server as root; throws unless it succeeds. */
export async function inServer(bed: Bed, ...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await bed.exec(argv, { timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`${argv.join(' ')} failed in the server: ${stderr || stdout}`);
  return stdout.trim();
}

/** Ends every SSH session of the operator, as a lost connection does; sshd itself stays. */
export async function cutConnections(bed: Bed): Promise<void> {
  await bed.exec(['pkill', '-KILL', '-u', bed.ssh.user, 'sshd']);
}

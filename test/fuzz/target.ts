/** A daemon to be fuzzed: the real process, here without Docker and proxy; on a server with both, see server-target.ts. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAEMON_TOKEN, startServing, writeConfig } from '../../daemon/test-daemon.ts';
import type { Address } from './deliver.ts';
import { collectGarbage } from './garbage.ts';
import { readState, type State } from './state.ts';

export interface Target {
  address: Address;
  /** Of the administrator. */
  token: string;
  /** An image that can be deployed there; null: there is no Docker, and what needs it is honestly refused. */
  image: string | null;
  readState(): Promise<State>;
  /** Resident, once its garbage is thrown away. */
  memoryKib(): Promise<number>;
  /** The lines that the daemon logged as errors since the last call. */
  takeErrors(): Promise<string[]>;
  /** What it said last, if the process that ran at the last call runs no more; null: it does. It is started again. */
  takeDeath(): Promise<string | null>;
}

/** It says where its inspector is: on any free port. */
const INSPECTED = ['--inspect=127.0.0.1:0'];

/** `place`: see {@link writeConfig}. */
export async function startLocalTarget(place: number): Promise<Target & { close(): Promise<void> }> {
  const directory = mkdtempSync(join(tmpdir(), 'nextdeploy-fuzz-'));
  const { file, socket } = writeConfig(directory, place);
  const port = Number(/port: (\d+)/.exec(readFileSync(file, 'utf8'))?.[1]);
  let daemon = await startServing(file, INSPECTED);
  let read = 0;
  return {
    address: { socket, port },
    token: DAEMON_TOKEN,
    image: null,
    readState: async () => readState({ database: join(directory, 'state', 'nextdeploy.db'), directories: [directory] }),
    memoryKib: async () => {
      await collectGarbage(/ws:\/\/\S+/.exec(daemon.output())?.[0] ?? '');
      return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${daemon.child.pid}/status`, 'utf8'))?.[1]);
    },
    takeErrors: async () => {
      const lines = daemon.output().slice(read).split('\n');
      read = daemon.output().length;
      return lines.filter((line) => line.includes('"level":"error"') && !EXPECTED_WITHOUT_DOCKER.test(line));
    },
    takeDeath: async () => {
      if (daemon.child.exitCode === null && daemon.child.signalCode === null) return null;
      const said = daemon.output().slice(-3_000);
      daemon = await startServing(file, INSPECTED);
      read = 0;
      return said;
    },
    close: async () => {
      daemon.child.kill('SIGTERM');
      await daemon.ended;
      rmSync(directory, { recursive: true });
    },
  };
}

/** Runs `work` with a daemon of its own and stops it. */
export async function withLocalTarget<T>(place: number, work: (target: Target) => Promise<T>): Promise<T> {
  const target = await startLocalTarget(place);
  try {
    return await work(target);
  } finally {
    await target.close();
  }
}

/** It says so once, at its start. */
const EXPECTED_WITHOUT_DOCKER = /the app network cannot be set up yet/;

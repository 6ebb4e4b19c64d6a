import type { Command } from 'commander';
import type { DaemonClient } from '../api/client.ts';
import type { Operation, OperationState } from '../contract/domain.ts';
import type { Terminal } from './terminal.ts';

/** What a command is given: a client, its flags, and the world. */
export interface Context {
  client: DaemonClient;
  json: boolean;
  terminal: Terminal;
  /** An answer as JSON, or as text. */
  show: (value: unknown, text: () => string) => Promise<void>;
  /** Follows an operation to its end and sets the exit code; `wanted`: how it is to end, if not as `succeeded`. */
  run: (started: Promise<Operation>, end?: { wanted: readonly OperationState[] }) => Promise<void>;
}

/** Connects, lets the action act, and lets go of the connection. */
export type Act = (command: Command, action: (context: Context) => Promise<void>) => Promise<void>;

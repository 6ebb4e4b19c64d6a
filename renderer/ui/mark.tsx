import type { LucideIcon } from 'lucide-react';
import {
  Archive,
  Ban,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleHelp,
  CircleMinus,
  CircleX,
  Construction,
  Eye,
  KeyRound,
  LoaderCircle,
  Plug,
  RotateCw,
  ShieldAlert,
  ShieldQuestionMark,
  Undo2,
  Unplug,
} from 'lucide-react';
import type {
  AppStatus,
  DeploymentStatus,
  Operation,
  OperationState,
  Release,
  ReleaseState,
  StepState,
} from '../../daemon/contract/domain.ts';
import type { Slot } from '../../daemon/contract/names.ts';
import { isWatching } from '../../daemon/contract/rules.ts';
import type { Host } from '../../preload/contract.ts';

/** What a state means to the operator; the colour follows from it, and is never all there is. */
export type Tone = 'ok' | 'busy' | 'bad' | 'idle' | 'info';
export interface Meaning {
  tone: Tone;
  icon: LucideIcon;
  word: string;
  spins?: boolean;
}

const APP_STATUS: Record<DeploymentStatus, Meaning> = {
  running: { tone: 'ok', icon: CircleCheck, word: 'Running' },
  updating: { tone: 'busy', icon: LoaderCircle, word: 'Updating', spins: true },
  stopped: { tone: 'idle', icon: CircleMinus, word: 'Stopped' },
  error: { tone: 'bad', icon: CircleX, word: 'Error' },
};

export const STEP_STATE: Record<StepState, Meaning> = {
  pending: { tone: 'idle', icon: CircleDashed, word: 'Pending' },
  running: { tone: 'busy', icon: LoaderCircle, word: 'Running', spins: true },
  done: { tone: 'ok', icon: CircleCheck, word: 'Done' },
  failed: { tone: 'bad', icon: CircleX, word: 'Failed' },
  undone: { tone: 'idle', icon: Undo2, word: 'Undone' },
  skipped: { tone: 'idle', icon: CircleMinus, word: 'Skipped' },
};

export const OPERATION_STATE: Record<OperationState, Meaning> = {
  running: { tone: 'busy', icon: LoaderCircle, word: 'Running', spins: true },
  succeeded: { tone: 'ok', icon: CircleCheck, word: 'Succeeded' },
  failed: { tone: 'bad', icon: CircleX, word: 'Failed' },
  rolled_back: { tone: 'busy', icon: Undo2, word: 'Rolled back' },
  cancelled: { tone: 'idle', icon: Ban, word: 'Cancelled' },
  stuck: { tone: 'bad', icon: CircleAlert, word: 'Stuck' },
};

const RELEASE_STATE: Record<ReleaseState, Meaning> = {
  pending: { tone: 'busy', icon: LoaderCircle, word: 'Pending', spins: true },
  live: { tone: 'ok', icon: CircleCheck, word: 'Live' },
  standby: { tone: 'idle', icon: CircleDashed, word: 'Standby' },
  failed: { tone: 'bad', icon: CircleX, word: 'Failed' },
  pruned: { tone: 'idle', icon: Archive, word: 'Pruned' },
};

/** The live release of a stopped app serves nobody, so it is not called live. */
export function releaseMeaning(release: Pick<Release, 'id' | 'state'>, app: Pick<AppStatus, 'release' | 'status'>): Meaning {
  return release.id === app.release && app.status === 'stopped' ? APP_STATUS.stopped : RELEASE_STATE[release.state];
}

const MAINTENANCE: Meaning = { tone: 'busy', icon: Construction, word: 'Maintenance' };
const WATCHING: Meaning = { tone: 'info', icon: Eye, word: 'Watching' };

/**
 * What visitors meet: an app that runs behind a maintenance page does not run for them, and one whose new release is
 * being watched is updated already. `running` is its operation in flight.
 */
export function appMeaning({ status, maintenance }: Pick<AppStatus, 'status' | 'maintenance'>, running?: Operation): Meaning {
  if (running !== undefined && isWatching(running)) return WATCHING;
  return maintenance !== null && status === 'running' ? MAINTENANCE : APP_STATUS[status];
}

/** One meaning for a host: its connection first, then its daemon. */
export function hostMeaning({ connection, daemon }: Host): Meaning {
  switch (connection.kind) {
    case 'disconnected':
      return { tone: 'idle', icon: Unplug, word: 'Disconnected' };
    case 'connecting':
      return { tone: 'busy', icon: LoaderCircle, word: 'Connecting', spins: true };
    case 'key_unknown':
      return { tone: 'busy', icon: ShieldQuestionMark, word: 'Unknown host key' };
    case 'key_changed':
      return { tone: 'bad', icon: ShieldAlert, word: 'Host key changed' };
    case 'credentials_needed':
      return { tone: 'busy', icon: KeyRound, word: connection.what === 'password' ? 'Password needed' : 'Passphrase needed' };
    case 'reconnecting':
      return { tone: 'busy', icon: RotateCw, word: 'Reconnecting', spins: true };
    case 'failed':
      return { tone: 'bad', icon: CircleX, word: 'Failed' };
    case 'connected':
      break;
  }
  switch (daemon.kind) {
    case 'ready':
      return { tone: 'ok', icon: CircleCheck, word: 'Connected' };
    case 'absent':
      return { tone: 'info', icon: Plug, word: 'No daemon' };
    case 'unreachable':
      return { tone: 'bad', icon: CircleAlert, word: 'Daemon unreachable' };
    case 'unknown':
      return { tone: 'busy', icon: LoaderCircle, word: 'Looking for the daemon', spins: true };
  }
}

export function healthMeaning({ health, status }: Pick<AppStatus, 'health' | 'status'>): Meaning {
  if (status === 'stopped') return { tone: 'idle', icon: CircleMinus, word: 'Not checked' };
  if (health.healthy === null) return { tone: 'idle', icon: CircleHelp, word: 'Not known' };
  return health.healthy
    ? { tone: 'ok', icon: CircleCheck, word: 'Healthy' }
    : { tone: 'bad', icon: CircleAlert, word: 'Unhealthy' };
}

interface MarkProps {
  meaning: Meaning;
  testId?: string;
  title?: string | undefined;
  /** Only the icon is drawn; the word stays for those who listen. */
  isCompact?: boolean;
}

/** A state by icon and word. `data-tone` and the word are what a test or a style may rely on. */
export function Mark({ meaning, testId, title, isCompact = false }: MarkProps) {
  const { icon: Icon, tone, word, spins = false } = meaning;
  return (
    <span className="nd-mark" data-testid={testId} data-tone={tone} title={title ?? (isCompact ? word : undefined)}>
      <Icon size={14} aria-hidden className={spins ? 'nd-spin' : undefined} />
      <span className={isCompact ? 'nd-hidden' : undefined}>{word}</span>
    </span>
  );
}

/** The slot by name; its dot has the slot's colour. */
export function SlotMark({ slot }: { slot: Slot | null }) {
  if (slot === null) return <span className="nd-dim">–</span>;
  return (
    <span className="nd-slot" data-slot={slot}>
      {slot}
    </span>
  );
}

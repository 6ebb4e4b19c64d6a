import {
  Archive,
  ArchiveRestore,
  CircleAlert,
  CircleCheck,
  CircleStop,
  CloudAlert,
  CloudDownload,
  CloudOff,
  HardDrive,
  HeartCrack,
  Info,
  KeyRound,
  RefreshCw,
  RotateCcwKey,
  RotateCw,
  ShieldAlert,
  ShieldCheck,
  ShieldPlus,
  ShieldX,
  Signpost,
  TriangleAlert,
  Undo2,
} from 'lucide-react';
import type { DaemonEvent, EventKind } from '../../daemon/contract/domain.ts';
import type { Meaning } from './mark.tsx';

const LEVEL: Record<DaemonEvent['level'], Meaning> = {
  info: { tone: 'info', icon: Info, word: 'Info' },
  warning: { tone: 'busy', icon: TriangleAlert, word: 'Warning' },
  error: { tone: 'bad', icon: CircleAlert, word: 'Error' },
};

/** What the daemon does by itself, each with a look of its own. */
const KIND: Partial<Record<EventKind, Meaning>> = {
  'heal.unhealthy': { tone: 'bad', icon: HeartCrack, word: 'Unhealthy' },
  'heal.restarted': { tone: 'busy', icon: RotateCw, word: 'Restarted' },
  'heal.replacing': { tone: 'busy', icon: RefreshCw, word: 'Replacing' },
  'heal.rolling_back': { tone: 'bad', icon: Undo2, word: 'Rolling back' },
  'heal.stopping': { tone: 'bad', icon: CircleStop, word: 'Stopping' },
  'heal.recovered': { tone: 'ok', icon: CircleCheck, word: 'Recovered' },
  'secrets.changed': { tone: 'info', icon: KeyRound, word: 'Secrets' },
  'secrets.key_rotated': { tone: 'info', icon: RotateCcwKey, word: 'Key rotated' },
  'secrets.provider_set': { tone: 'info', icon: CloudDownload, word: 'Provider' },
  'secrets.provider_removed': { tone: 'idle', icon: CloudOff, word: 'Provider removed' },
  'secrets.pull_failed': { tone: 'bad', icon: CloudAlert, word: 'Pull failed' },
  'certificate.renewed': { tone: 'ok', icon: ShieldCheck, word: 'Certificate' },
  'certificate.imported': { tone: 'info', icon: ShieldPlus, word: 'Certificate' },
  'certificate.failed': { tone: 'bad', icon: ShieldX, word: 'Not renewed' },
  'certificate.expiring': { tone: 'busy', icon: ShieldAlert, word: 'Expiring' },
  'certificate.mismatched': { tone: 'bad', icon: ShieldAlert, word: 'Mismatched' },
  'backup.created': { tone: 'info', icon: ArchiveRestore, word: 'Backup' },
  'state.restored': { tone: 'busy', icon: ArchiveRestore, word: 'Restored' },
  'route.changed': { tone: 'info', icon: Signpost, word: 'Route' },
  'route.removed': { tone: 'idle', icon: Signpost, word: 'Route removed' },
  'release.pruned': { tone: 'idle', icon: Archive, word: 'Pruned' },
  'disk.low': { tone: 'bad', icon: HardDrive, word: 'Disk low' },
};

export const eventMeaning = ({ kind, level }: Pick<DaemonEvent, 'kind' | 'level'>): Meaning => KIND[kind] ?? LEVEL[level];

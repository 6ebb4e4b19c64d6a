import type { LucideIcon } from 'lucide-react';
import {
  ArrowLeftRight,
  Box,
  CirclePlay,
  ClipboardCheck,
  Construction,
  Download,
  Eye,
  Hourglass,
  PackageMinus,
  Scaling,
  ShieldCheck,
  Signpost,
  Square,
  Stethoscope,
  Terminal,
  Trash2,
} from 'lucide-react';
import type { StepName } from '../../daemon/contract/domain.ts';

/** Each step by a word, and by what it does. */
export const STEP: Record<StepName, { word: string; icon: LucideIcon; does: string }> = {
  validate: { word: 'Validate', icon: ClipboardCheck, does: 'Checks the request, the host and what must not be shared' },
  pull: { word: 'Pull', icon: Download, does: 'Brings the image to the host' },
  pre_switch: { word: 'Pre-switch', icon: Terminal, does: 'Runs the command that goes before the new release' },
  create: { word: 'Create', icon: Box, does: 'Makes the containers in the idle slot' },
  start: { word: 'Start', icon: CirclePlay, does: 'Starts the containers' },
  route: { word: 'Route', icon: Signpost, does: 'Changes what the proxy serves' },
  probe: { word: 'Probe', icon: Stethoscope, does: 'Waits until every container passes its health check' },
  switch: { word: 'Switch', icon: ArrowLeftRight, does: 'Sends visitors to the other slot' },
  verify: { word: 'Verify', icon: ShieldCheck, does: 'Asks the proxy who answers now' },
  post_switch: { word: 'Post-switch', icon: Terminal, does: 'Runs the command that comes after the switch' },
  watch: { word: 'Watch', icon: Eye, does: 'Keeps the old release warm, and brings it back if the new one fails' },
  drain: { word: 'Drain', icon: Hourglass, does: 'Lets open connections to the old release end' },
  retire: { word: 'Retire', icon: PackageMinus, does: 'Stops the containers that serve no more' },
  scale: { word: 'Scale', icon: Scaling, does: 'Takes the new number of replicas' },
  maintain: { word: 'Maintain', icon: Construction, does: 'Puts the maintenance page up or takes it down' },
  stop: { word: 'Stop', icon: Square, does: 'Stops the containers' },
  remove: { word: 'Remove', icon: Trash2, does: 'Frees what the app held' },
};

/** Why a program in a container may have ended, out of its last words: the way that NextDeploy runs it may be the reason. Pure. */
import type { Evidence, StepName } from '../contract/domain.ts';

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/exec format error/i, 'The program is for another processor; build the image for this host.'],
  [
    /EROFS|read-only file system/i,
    'The container could not write: its root is read-only; mount a volume where it writes, or turn `read_only_root` off.',
  ],
  [/ENOSPC|no space left on device/i, "The disk is full: Docker's, or that of a volume."],
  [
    /EPERM|operation not permitted|setgroups|setuid|setgid/i,
    'The container was not permitted to do something: all capabilities are dropped but those in `capabilities`; add the one it needs, or change `user`.',
  ],
  [
    /EACCES|permission denied/i,
    "The container's user was denied access: check `user` and who owns its files and volumes; without CAP_DAC_OVERRIDE in `capabilities` not even root reads what is not its own.",
  ],
];
const KILLED = 137;
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

/** Those that fail because of what a program in a container has done. */
const PROGRAM_STEPS: ReadonlySet<StepName> = new Set(['probe', 'watch', 'pre_switch', 'post_switch']);

/** The same, with the sentence of {@link explainExit} at the end of the reason, if there is one. */
export function withExplanation(evidence: Evidence): Evidence {
  const hint = PROGRAM_STEPS.has(evidence.step) ? explainExit(evidence.log_tail, evidence.exit_code) : null;
  return hint === null ? evidence : { ...evidence, reason: `${evidence.reason} ${hint}` };
}

/** A sentence that says what to change; null when nothing is known. */
export function explainExit(log_tail: readonly string[], exit_code: number | null): string | null {
  const text = log_tail.join('\n');
  const hint = exit_code === 0 ? undefined : HINTS.find(([pattern]) => pattern.test(text))?.[1];
  if (hint !== undefined) return hint;
  switch (exit_code) {
    case KILLED:
      // Docker says when it was the memory limit, but not when that of a child program was it.
      return 'It was killed (SIGKILL): for want of memory (raise `limits.memory_bytes`), by hand, or when Docker was restarted.';
    case NOT_EXECUTABLE:
      return 'Its program may not be executed; check its mode and `user`.';
    case NOT_FOUND:
      return "The image's program, or one that it starts, was not found.";
    default:
      return null;
  }
}

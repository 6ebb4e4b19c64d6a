import type { VerifyAnswer, World } from './ports.ts';
import { StepFailure } from './saga.ts';
import type { StepOf } from './steps.ts';

/** Lower case, as Node gives header names. */
export const VERIFY_HEADER = 'x-nextdeploy-verify';
export const SLOT_HEADER = 'x-nextdeploy-slot';

const PAUSE_MS = 100;
const ATTEMPT_MS_MAX = 3_000;
/** A certificate for a new domain has to be ordered first. */
const NEW_CERTIFICATE_MS_MAX = 60_000;

/** Asks through the proxy's public listener until the new slot answers well; resolves with a line for the timeline. */
export async function verifyThroughProxy(
  step: StepOf<'verify'>,
  world: Pick<World, 'prober' | 'clock'>,
  signal: AbortSignal,
): Promise<string> {
  const { clock, prober } = world;
  const deadline = clock.now().getTime() + (step.tls === 'auto' && step.is_new_domain ? NEW_CERTIFICATE_MS_MAX : ATTEMPT_MS_MAX);
  for (;;) {
    const answer = await prober.verify(step, signal);
    if (answer.status !== null && answer.status < 500 && answer.slot === step.slot)
      return `${step.domain} answers ${answer.status} from ${step.slot}`;
    if (clock.now().getTime() >= deadline) throw new StepFailure(reason(step, answer));
    await clock.sleep(PAUSE_MS, signal);
  }
}

function reason(step: StepOf<'verify'>, answer: VerifyAnswer): string {
  switch (answer.failure) {
    case 'connect':
      return `The proxy does not accept connections: ${answer.detail}. See \`systemctl status caddy\`.`;
    case 'tls':
      return `The proxy has no certificate for ${step.domain}: ${answer.detail}. Check that its DNS points here and that ports 80 and 443 are open, or set tls to off.`;
    case 'timeout':
      return `${step.domain} did not answer through the proxy: ${answer.detail}.`;
    case 'none':
      if (answer.slot === null) return `Another site of the proxy answers for ${step.domain} (HTTP ${answer.status}).`;
      if (answer.slot !== step.slot) return `The proxy still answers from ${answer.slot}.`;
      return `The new release answers ${answer.status} through the proxy for ${step.domain}${step.path}: ${answer.detail}`;
  }
}

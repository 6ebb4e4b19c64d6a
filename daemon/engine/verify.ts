import type { VerifyAnswer, World } from './ports.ts';
import { StepFailure } from './saga.ts';
import type { StatusRange, StepOf, VerifiedSite } from './steps.ts';

/** Lower case, as Node gives header names. */
export const VERIFY_HEADER = 'x-nextdeploy-verify';
export const SLOT_HEADER = 'x-nextdeploy-slot';

const PAUSE_MS = 100;
const ATTEMPT_MS_MAX = 3_000;
/** A certificate for a new domain has to be ordered first. */
const NEW_CERTIFICATE_MS_MAX = 60_000;

/** Asks through the proxy's public listener until the new slot answers well for every domain; resolves with a line for the timeline. */
export async function verifyThroughProxy(
  step: StepOf<'verify'>,
  world: Pick<World, 'prober' | 'clock'>,
  signal: AbortSignal,
): Promise<string> {
  const lines = await Promise.all(step.sites.map((site) => verifySite(site, step, world, signal)));
  return lines.join(', ');
}

async function verifySite(
  { domain, tls, is_new }: VerifiedSite,
  { proxy, path, status = null, slot, verify_key }: StepOf<'verify'>,
  { clock, prober }: Pick<World, 'prober' | 'clock'>,
  signal: AbortSignal,
): Promise<string> {
  const deadline = clock.monotonicMs() + (tls === 'auto' && is_new ? NEW_CERTIFICATE_MS_MAX : ATTEMPT_MS_MAX);
  for (;;) {
    const answer = await prober.verify({ proxy, domain, tls, path, verify_key }, signal);
    if (answer.status !== null && isGood(answer.status, status) && answer.slot === slot)
      return `${domain} answers ${answer.status} from ${slot}`;
    if (clock.monotonicMs() >= deadline) throw new StepFailure(reason({ domain, tls }, { proxy, path, slot }, answer));
    await clock.sleep(PAUSE_MS, signal);
  }
}

function isGood(status: number, range: StatusRange | null): boolean {
  // Of an app whose health is not asked over HTTP nobody has said that it has anything at `/`; that it answers at all is what counts.
  if (range === null) return status < 500;
  // A redirect may depend on the name, to its canonical one for example; where those within the app lead the probe has judged.
  const isRedirect = status >= 300 && status < 400;
  return isRedirect || (status >= range.min && status <= range.max);
}

function reason(
  { domain, tls }: Pick<VerifiedSite, 'domain' | 'tls'>,
  { proxy, path, slot }: Pick<StepOf<'verify'>, 'proxy' | 'path' | 'slot'>,
  answer: VerifyAnswer,
): string {
  switch (answer.failure) {
    case 'connect':
      return `The proxy does not accept connections: ${answer.detail}. See \`systemctl status ${proxy}\`.`;
    case 'tls':
      if (tls === 'import') return `The proxy has no certificate for ${domain}: ${answer.detail}. Import one, or set tls to off.`;
      return `The proxy has no certificate for ${domain}: ${answer.detail}. Check that its DNS points here and that ports 80 and 443 are open, or set tls to off.`;
    case 'timeout':
      return `${domain} did not answer through the proxy: ${answer.detail}.`;
    case 'none':
      if (answer.slot === null) return `Another site of the proxy answers for ${domain} (HTTP ${answer.status}).`;
      if (answer.slot !== slot) return `The proxy still answers from ${answer.slot}.`;
      return `The new release answers ${answer.status} through the proxy for ${domain}${path}: ${answer.detail}`;
  }
}

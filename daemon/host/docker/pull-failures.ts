/**
 * Why an image cannot be had, out of Docker's own words (moby's distribution and registry packages; the same in both image stores), as a
 * sentence that says what to do. Pure.
 */
import { DomainError } from '../../contract/errors.ts';
import { parseReference } from '../../contract/image-names.ts';

/** Where the user and password came from, if there were any: the request's `registry`, or `docker login` on the host. */
export type LoginSource = 'request' | 'host' | null;

export interface PullAttempt {
  reference: string;
  login: LoginSource;
}

/** `because` follows "…cannot be pulled:"; `remedy` is a sentence. */
interface Explanation {
  because: string;
  remedy: string;
}

type Explain = (attempt: PullAttempt & { host: string }, detail: string) => Explanation;

const LOAD = 'or load the image with `nextdeploy images load`';

const noCredentials: Explain = ({ host }) => ({
  because: `its registry ${host} asks for a login`,
  remedy: `Give user and password in \`registry\`, or run \`docker login ${host}\` as root on the server.`,
});

const credentials: Explain = (attempt, detail) => {
  const { host, login } = attempt;
  if (login === null) return noCredentials(attempt, detail);
  const which = login === 'request' ? 'in `registry`' : `that \`docker login ${host}\` stored on the server`;
  return {
    because: `its registry ${host} refuses the user or password ${which}`,
    remedy: login === 'request' ? 'Check both in `registry`.' : `Log in again, or give them in \`registry\`.`,
  };
};

const denied: Explain = ({ reference, host, login }) => {
  const { repository } = parseReference(reference);
  return {
    because: `its registry ${host} has no repository ${repository} that ${login === null ? 'can be read without a login' : 'this account may read'}`,
    remedy: `Check the name${login === null ? ', give user and password in `registry`' : " and the account's password and rights"}, ${LOAD}.`,
  };
};

const missing: Explain = ({ reference, host }) => {
  const { repository, tag, digest } = parseReference(reference);
  const what = digest === null ? `tag ${tag}` : `digest ${digest}`;
  return { because: `its registry ${host} has no ${what} of ${repository}`, remedy: `Check the name, ${LOAD}.` };
};

const platform: Explain = (_, detail) => ({
  because: `it is not made for this host (${detail})`,
  remedy: 'Build it for this platform, as with `docker build --platform linux/amd64`.',
});

const unreachable: Explain = ({ host }, detail) => ({
  because: `its registry ${host} cannot be reached (${detail})`,
  remedy: `Check the name and the server's network and DNS, ${LOAD}.`,
});

/** In this order: what is more particular comes first. */
const EXPLANATIONS: readonly (readonly [RegExp, Explain])[] = [
  [/no space left on device|disk quota exceeded/i, (_, detail) => diskFull(detail)],
  [
    /toomanyrequests|too many requests|rate limit/i,
    ({ host, login }) => ({
      because: `its registry ${host} gives out no more for now (rate limit)`,
      remedy: login === null ? 'Give user and password in `registry` for a higher limit, or wait.' : 'Wait and try again.',
    }),
  ],
  [/no basic auth credentials|incorrect username or password/i, credentials],
  // Some say both, for an account that lacks the right.
  [/denied|insufficient_scope|authorization failed|forbidden|\b403\b/i, denied],
  [/unauthorized|authentication required|\b401\b/i, credentials],
  [/no matching manifest|operating system .* cannot be used/i, platform],
  [/manifest unknown|manifest for .* not found|name unknown|not found|no such image|does not exist/i, missing],
  [
    /server gave HTTP response to HTTPS client/i,
    ({ host }) => ({
      because: `its registry ${host} speaks HTTP without TLS`,
      remedy: `Give it a certificate, or add ${host} to "insecure-registries" in /etc/docker/daemon.json.`,
    }),
  ],
  [
    /x509|tls:|certificate/i,
    ({ host }, detail) => ({
      because: `Docker does not trust the certificate of its registry ${host} (${detail})`,
      remedy: `Put its authority's certificate in /etc/docker/certs.d/${host}/ca.crt, or mend the certificate.`,
    }),
  ],
  [
    /no such host|dial tcp|i\/o timeout|timeout|deadline exceeded|connection re(fused|set)|no route|unreachable|\bEOF\b|server misbehaving/i,
    unreachable,
  ],
];

/** A full disk, whatever was being written to it. */
export function diskFull(detail: string): Explanation {
  return {
    because: `Docker's disk is full (${firstLine(detail)})`,
    remedy: 'Remove images or old releases (`docker system df` shows them), or enlarge the disk.',
  };
}

/** Null when Docker's words are not known. */
function explain(attempt: PullAttempt, detail: string): Explanation | null {
  const { host } = parseReference(attempt.reference);
  const found = EXPLANATIONS.find(([pattern]) => pattern.test(detail));
  return found?.[1]({ ...attempt, host }, firstLine(detail)) ?? null;
}

/** What to tell of a pull that failed. `detail` is Docker's own text, without secrets. */
export function pullFailure(attempt: PullAttempt, detail: string): DomainError {
  const { because, remedy } = explain(attempt, detail) ?? {
    because: firstLine(detail),
    remedy: `Check the name and the registry, ${LOAD}.`,
  };
  return new DomainError('unprocessable', `The image ${attempt.reference} cannot be pulled: ${because}. ${remedy}`, {
    cause: detail,
  });
}

/** How the sentence begins that says why an image that is not here cannot come from its registry either. */
export function missingLead(reference: string, pinnedId: string | null): string {
  return pinnedId === null
    ? `The image ${reference} does not exist on this host`
    : `The image of this release (${reference}, ${shortId(pinnedId)}) is not on this host any more`;
}

/** As {@link pullFailure}, before anything was tried. Null when it takes a pull to know. */
export function checkFailure(attempt: PullAttempt, lead: string, detail: string): DomainError | null {
  const explanation = explain(attempt, detail);
  if (explanation === null) return null;
  return new DomainError('unprocessable', `${lead}, and ${explanation.because}. ${explanation.remedy}`, { cause: detail });
}

export interface Platform {
  os: string;
  architecture: string;
}

/** Whether this host runs it: as containerd's default platform matching, 32-bit programs run on their 64-bit processors. */
export function isRunnable(image: Platform, host: Platform): boolean {
  // Images made by hand may not say.
  if (image.os !== '' && image.os !== host.os) return false;
  if (image.architecture === '' || image.architecture === host.architecture) return true;
  return { '386': 'amd64', arm: 'arm64' }[image.architecture] === host.architecture;
}

export function foreignPlatform(reference: string, images: readonly Platform[], host: Platform): DomainError {
  const name = ({ os, architecture }: Platform) => `${os || host.os}/${architecture}`;
  const message = `The image ${reference} is made for ${images.map(name).join(', ')}, but this host is ${name(host)}; build it with \`docker build --platform ${name(host)}\`.`;
  return new DomainError('unprocessable', message);
}

export function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 300);
}

function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}

/** Why Docker does not create or start a container, out of its own words, as a sentence that says what to change. Pure. */
import { DomainError } from '../../contract/errors.ts';
import type { DockerError } from './client.ts';
import { diskFull, firstLine } from './pull-failures.ts';

type Explain = (match: RegExpExecArray) => string;

/** In Docker 20.10's words and in 28's; in this order, as some hold others. */
const EXPLANATIONS: readonly (readonly [RegExp, Explain])[] = [
  [
    /no space left on device|disk quota exceeded/i,
    ({ input }) => {
      const { because, remedy } = diskFull(tidy(input));
      return `The container cannot be made: ${because}. ${remedy}`;
    },
  ],
  [
    /minimum memory limit allowed is (\S+)/i,
    ([, least]) => `Docker gives a container no less than ${least} of memory; raise \`limits.memory_bytes\`.`,
  ],
  [
    /range of cpus is from (\S+) to ([\d.]+)/i,
    ([, least, most]) => `This host can give a container ${least} to ${most} CPUs; change \`limits.cpus\`.`,
  ],
  [
    /unknown capability: "?(?:CAP_)?(\w+)/i,
    ([, name]) => `Docker knows no capability ${name}; change \`capabilities\` (capabilities(7) lists them).`,
  ],
  [
    /unable to find (user|group) (\S+): no matching entries/i,
    ([, kind, name]) => `The image has no ${kind} ${name}; change \`user\`, or give numbers such as 1000:1000.`,
  ],
  [/invalid signal: (\S+)/i, ([, name]) => `Docker knows no signal ${name}; change \`stop_signal\`.`],
  [
    /bind source path does not exist: (\S+)/i,
    ([, path]) => `${path} does not exist on this host; make it, or change \`volumes\`.`,
  ],
  [
    /error mounting "([^"]+)" to rootfs at "([^"]+)".*not a directory/is,
    ([, source, target]) =>
      `${source} cannot be mounted at ${target}: one is a directory and the other a file; change \`volumes\`.`,
  ],
  [
    /error mounting "([^"]+)" to rootfs at "([^"]+)": (.*?)(?:: unknown)?$/is,
    ([, source, target, why]) => `${source} cannot be mounted at ${target} (${why}); change \`volumes\`.`,
  ],
  [
    /invalid mount (?:config|target|path)|duplicate mount point|volume name|invalid specification|error while mounting volume/i,
    ({ input }) => `Docker refuses a mount (${tidy(input)}); change \`volumes\`.`,
  ],
  [
    /address already in use/i,
    () => 'Its address is taken by another container on the app network; see `docker network inspect nextdeploy`.',
  ],
  [
    /does not belong to any of this network's subnets|no configured subnet|networks with user configured subnets/i,
    () =>
      'Its address is not in the app network, whose subnet was changed; set docker.network in the configuration to what `docker network inspect nextdeploy` says.',
  ],
  [
    /network (\S+) (?:not found|does not exist)/i,
    ([, name]) =>
      `There is no Docker network ${name}; make it with \`docker network create ${name}\`, or restart nextdeployd if it is its own.`,
  ],
  [
    /exec: "([^"]+)": (?:stat .*: no such file|executable file not found)/i,
    ([, program]) => `The image has no program ${program}; check its command, or that of the hook.`,
  ],
  [
    /exec: "([^"]+)": permission denied/i,
    ([, program]) => `The program ${program} may not be executed by the container's user; check its mode, or change \`user\`.`,
  ],
  [/exec format error/i, () => 'The program in the image is for another processor; build it for this host.'],
  [
    /container init was OOM-killed|memory limit too low/i,
    () => 'The memory limit is too low even to start the container; raise `limits.memory_bytes`.',
  ],
  [
    /cgroup/i,
    ({ input }) =>
      `The kernel refuses the limits of the container (${tidy(input)}); change \`limits\`, or see \`docker info\` for what this host supports.`,
  ],
];

/** Null when Docker's words are not known. */
function explain(text: string): string | null {
  for (const [pattern, explanation] of EXPLANATIONS) {
    const match = pattern.exec(text);
    if (match) return explanation(match);
  }
  return null;
}

/** `cause` without the values of the environment. */
export function createFailure(cause: DockerError, name: string): DomainError {
  if (cause.status === 404 && /no such image/i.test(cause.message)) {
    return new DomainError('unprocessable', 'The image has been removed from this host; load it again and repeat.', { cause });
  }
  if (cause.status === 409) {
    const message = `A container named ${name} that NextDeploy did not make is in the way; rename or remove it.`;
    return new DomainError('conflict', message, { cause });
  }
  const message = explain(cause.message) ?? `Docker refused to create the container: ${cause.message}`;
  return new DomainError('unprocessable', message, { cause });
}

/** As {@link createFailure}. */
export function startFailure(cause: DockerError, name: string): DomainError {
  if (cause.status === 404 && /no such container/i.test(cause.message)) {
    return missing(cause, name);
  }
  const message = explain(cause.message) ?? `Docker could not start the container: ${cause.message}`;
  return new DomainError(/address already in use/i.test(cause.message) ? 'conflict' : 'unprocessable', message, { cause });
}

export function missing(cause: DockerError, name: string): DomainError {
  return new DomainError('not_found', `The container ${name} is gone.`, { cause });
}

/** Of one of the `networks`. */
export function connectFailure(cause: DockerError, network: string): DomainError {
  const message =
    cause.status === 404
      ? `There is no Docker network ${network}; make it with \`docker network create ${network}\`, or change \`networks\`.`
      : `The container cannot join the Docker network ${network}: ${firstLine(cause.message)}; change \`networks\`.`;
  return new DomainError('unprocessable', message, { cause });
}

/** The memory limit would mean nothing. */
export function unlimited(): DomainError {
  const message =
    'This host cannot limit the memory of containers (`docker info` says so); enable the memory cgroup, as with the kernel parameter cgroup_enable=memory, or leave `limits.memory_bytes` out.';
  return new DomainError('unprocessable', message);
}

/** Without what every message of the runtime begins with. */
function tidy(text: string): string {
  return firstLine(text).replace(
    /^.*OCI runtime create failed: (?:runc create failed: )?(?:unable to start container process: )?/,
    '',
  );
}

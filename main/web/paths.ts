/** Where the console keeps its own on this machine; both shells agree, so that either finds what the other stored. Pure. */
import { join } from 'node:path';

export interface ConsolePaths {
  /** Hosts and settings of the core. */
  dataDirectory: string;
  /** OpenSSH's own file, so that the console trusts what `ssh` trusts. */
  knownHostsFile: string;
}

type Environment = Record<string, string | undefined>;

/**
 * Follows the XDG base directory specification on Linux and the system's customs elsewhere. `NEXTDEPLOY_DATA_DIRECTORY` and
 * `NEXTDEPLOY_KNOWN_HOSTS` set others, as a demo does that leaves the operator's own alone.
 */
export function consolePaths(platform: string, environment: Environment, home: string): ConsolePaths {
  return {
    dataDirectory: environment.NEXTDEPLOY_DATA_DIRECTORY ?? join(configurationRoot(platform, environment, home), 'nextdeploy'),
    knownHostsFile: environment.NEXTDEPLOY_KNOWN_HOSTS ?? join(home, '.ssh', 'known_hosts'),
  };
}

/** What makes a program that this one starts use the same paths. */
export function pathsEnvironment({ dataDirectory, knownHostsFile }: ConsolePaths): Record<string, string> {
  return { NEXTDEPLOY_DATA_DIRECTORY: dataDirectory, NEXTDEPLOY_KNOWN_HOSTS: knownHostsFile };
}

function configurationRoot(platform: string, environment: Environment, home: string): string {
  if (platform === 'darwin') return join(home, 'Library', 'Application Support');
  if (platform === 'win32') return environment.APPDATA ?? join(home, 'AppData', 'Roaming');
  const configured = environment.XDG_CONFIG_HOME ?? '';
  return configured.startsWith('/') ? configured : join(home, '.config'); // a relative one is to be ignored, says the specification
}

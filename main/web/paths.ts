/** Where the console keeps its own on this machine; both shells agree, so that either finds what the other stored. Pure. */
import { join } from 'node:path';

export interface ConsolePaths {
  /** Hosts and settings of the core. */
  dataDirectory: string;
  /** OpenSSH's own file, so that the console trusts what `ssh` trusts. */
  knownHostsFile: string;
}

/** Follows the XDG base directory specification on Linux and the system's customs elsewhere. */
export function consolePaths(platform: string, environment: Record<string, string | undefined>, home: string): ConsolePaths {
  return {
    dataDirectory: join(configurationRoot(platform, environment, home), 'nextdeploy'),
    knownHostsFile: join(home, '.ssh', 'known_hosts'),
  };
}

function configurationRoot(platform: string, environment: Record<string, string | undefined>, home: string): string {
  if (platform === 'darwin') return join(home, 'Library', 'Application Support');
  if (platform === 'win32') return environment.APPDATA ?? join(home, 'AppData', 'Roaming');
  const configured = environment.XDG_CONFIG_HOME ?? '';
  return configured.startsWith('/') ? configured : join(home, '.config'); // a relative one is to be ignored, says the specification
}

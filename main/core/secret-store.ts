import type { Credentials } from './ssh/credentials.ts';

/**
 * Where passwords and passphrases of hosts are kept once they have worked. A shell with a keychain keeps them there; without one they are
 * forgotten when the console ends. Nothing else of the core is secret: daemon tokens are read from the server at each connection.
 */
export interface SecretStore {
  load(hostId: string): Promise<Credentials | null>;
  save(hostId: string, credentials: Credentials): Promise<void>;
  forget(hostId: string): Promise<void>;
}

export function memorySecretStore(): SecretStore {
  const kept = new Map<string, Credentials>();
  return {
    load: async (hostId) => kept.get(hostId) ?? null,
    save: async (hostId, credentials) => void kept.set(hostId, credentials),
    forget: async (hostId) => void kept.delete(hostId),
  };
}

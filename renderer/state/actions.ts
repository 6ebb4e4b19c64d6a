import type { AuditEntry, CreatedToken } from '../../daemon/contract/access.ts';
import type { RestoreReport } from '../../daemon/contract/backup.ts';
import type { Certificate } from '../../daemon/contract/certificates.ts';
import type { Operation, Release } from '../../daemon/contract/domain.ts';
import type { ProxyRoute } from '../../daemon/contract/proxy-routes.ts';
import type { RouteBodyInput, RouteQueryInput, RouteResult } from '../../daemon/contract/routes.ts';
import type { SecretsChanged } from '../../daemon/contract/secrets.ts';
import type { Host, HostInput, Settings } from '../../preload/contract.ts';
import { messageOf } from '../bridge/bridge-error.ts';
import { callDaemon } from '../bridge/daemon.ts';
import type { Link } from '../bridge/link.ts';
import { downloadBackup, type Restoring, uploadBackup } from './backup.ts';
import { applyOperations } from './daemon-data.ts';
import { readCertificates, readProviders, readReleases, readRoutes, readSecrets } from './host-sync.ts';
import { type LogSession, openLogSession } from './log-session.ts';
import { type InstallRun, type Stores, updateDaemon, type Wish } from './stores.ts';
import { openTerminal, type TerminalHandlers, type TerminalSession } from './terminal-session.ts';

export type LifecycleRoute = 'startApp' | 'stopApp' | 'restartApp';

/** Everything an operator can do. Each throws a `BridgeError` whose message is for the operator. */
export interface Actions {
  addHost(input: HostInput): Promise<Host>;
  updateHost(host: string, changes: HostInput): Promise<void>;
  removeHost(host: string): Promise<void>;
  /** Puts the host's questions (unknown key, password) to the operator while it lasts. */
  connect(host: string, secret?: { password?: string; passphrase?: string }): Promise<void>;
  disconnect(host: string): Promise<void>;
  trust(host: string, sha256: string): Promise<void>;
  /** Has the view of an app ask something once it is shown; null: it has taken it. */
  wish(wish: Wish | null): void;
  /** Which host may ask the operator something now. */
  attend(host: string | null): void;
  install(host: string): void;
  deploy(host: string, body: RouteBodyInput<'deploy'>): Promise<Operation>;
  swap(host: string, body: RouteBodyInput<'swap'>): Promise<Operation>;
  rollback(host: string, body: RouteBodyInput<'rollback'>): Promise<Operation>;
  scale(host: string, app: string, replicas: number): Promise<Operation>;
  /** Puts a maintenance page up with `message`, or takes it down with null. */
  setMaintenance(host: string, app: string, message: string | null): Promise<Operation>;
  /** Before the switch, or in the watch window: the release before serves on, or again. */
  cancel(host: string, operation: string): Promise<Operation>;
  /** Ends the watch window. */
  keep(host: string, operation: string): Promise<Operation>;
  lifecycle(host: string, app: string, route: LifecycleRoute): Promise<Operation>;
  purge(host: string, app: string): Promise<Operation>;
  /** Newest first. */
  loadReleases(host: string, app: string): Promise<readonly Release[]>;
  refreshImages(host: string): Promise<void>;
  /** From then on they are kept current. */
  loadSecrets(host: string): Promise<void>;
  /** Sets secrets, or with `dry_run` says what that would change. The values are kept nowhere. */
  syncSecrets(host: string, body: RouteBodyInput<'syncSecrets'>): Promise<SecretsChanged>;
  removeSecret(host: string, query: RouteQueryInput<'removeSecret'>): Promise<SecretsChanged>;
  /** From then on they are kept current. */
  loadProviders(host: string): Promise<void>;
  /** The credentials in it are kept nowhere here. */
  setProvider(host: string, body: RouteBodyInput<'setSecretProvider'>): Promise<void>;
  removeProvider(host: string, query: RouteQueryInput<'removeSecretProvider'>): Promise<void>;
  /** Asks the provider of a scope for its secrets, or with `dry_run` what they would change. */
  pullSecrets(host: string, body: RouteBodyInput<'pullSecrets'>): Promise<SecretsChanged>;
  rotateKey(host: string): Promise<RouteResult<'rotateSecretsKey'>>;
  loadTokens(host: string): Promise<void>;
  /** Its text is told this once, and kept nowhere here. */
  createToken(host: string, body: RouteBodyInput<'createToken'>): Promise<CreatedToken>;
  revokeToken(host: string, id: string): Promise<void>;
  /** A page of the audit log, newest first. */
  listAudit(host: string, query: RouteQueryInput<'listAudit'>): Promise<AuditEntry[]>;
  /** From then on they are read again after each event of theirs. */
  loadCertificates(host: string): Promise<void>;
  /** Resolves when the new one is served, or with what came of it. */
  renewCertificate(host: string, domain: string): Promise<Certificate>;
  /** The key in it is kept nowhere here. */
  importCertificate(host: string, body: RouteBodyInput<'importCertificate'>): Promise<Certificate>;
  removeCertificate(host: string, domain: string): Promise<void>;
  /** From then on they are read again after each event of theirs. */
  loadRoutes(host: string): Promise<void>;
  /** Resolves with what was read back from the proxy. The passwords in it are kept nowhere here. */
  configureRoute(host: string, body: RouteBodyInput<'configureRoute'>): Promise<ProxyRoute>;
  removeRoute(host: string, domain: string): Promise<void>;
  /** One encrypted file with all of the host's state; told of the bytes so far. */
  downloadBackup(host: string, passphrase: string, onProgress: (bytes: number) => void): Promise<Blob>;
  /** Rehearses a backup, or takes it over; told of the part that was sent. */
  uploadBackup(host: string, restoring: Restoring, onProgress: (part: number) => void): Promise<RestoreReport>;
  setSettings(settings: Settings): Promise<void>;
  openLog(host: string, app: string): LogSession;
  openTerminal(host: string, size: { cols: number; rows: number }, handlers: TerminalHandlers): TerminalSession;
}

export function createActions(link: Link, stores: Stores): Actions {
  const noted = (host: string) => (operation: Operation) => {
    updateDaemon(stores, host, (data) => applyOperations(data, [operation]));
    return operation;
  };
  const loadTokens = async (host: string) => {
    const tokens = await callDaemon(link, host, 'listTokens');
    updateDaemon(stores, host, (data) => ({ ...data, tokens }));
  };
  const loadCertificates = (host: string) => readCertificates(link, stores, host);
  const loadRoutes = (host: string) => readRoutes(link, stores, host);
  const attend = (host: string | null) => stores.console.setState({ attention: host });

  return {
    attend,
    wish: (wish) => stores.console.setState({ wish }),
    addHost: (input) => link.call('hosts.add', input),
    async updateHost(host, changes) {
      await link.call('hosts.update', { host, changes });
    },
    async removeHost(host) {
      await link.call('hosts.remove', { host });
    },
    async connect(host, secret = {}) {
      attend(host);
      await link.call('hosts.connect', { host, ...secret });
    },
    async disconnect(host) {
      attend(null);
      await link.call('hosts.disconnect', { host });
    },
    async trust(host, sha256) {
      await link.call('hosts.trust', { host, sha256 });
    },
    install: (host) => runInstall(link, stores, host),
    deploy: (host, body) => callDaemon(link, host, 'deploy', { body }).then(noted(host)),
    swap: (host, body) => callDaemon(link, host, 'swap', { body }).then(noted(host)),
    rollback: (host, body) => callDaemon(link, host, 'rollback', { body }).then(noted(host)),
    scale: (host, name, replicas) =>
      callDaemon(link, host, 'scaleApp', { params: { name }, body: { replicas } }).then(noted(host)),
    setMaintenance: (host, name, message) => {
      const body = message === null ? { enabled: false } : { enabled: true, message };
      return callDaemon(link, host, 'setMaintenance', { params: { name }, body }).then(noted(host));
    },
    cancel: (host, id) => callDaemon(link, host, 'cancelOperation', { params: { id } }).then(noted(host)),
    keep: (host, id) => callDaemon(link, host, 'keepRelease', { params: { id } }).then(noted(host)),
    lifecycle: (host, name, route) => callDaemon(link, host, route, { params: { name } }).then(noted(host)),
    purge: (host, name) => callDaemon(link, host, 'removeApp', { params: { name }, query: { purge: 'true' } }).then(noted(host)),
    loadReleases: (host, app) => readReleases(link, stores, host, app),
    async refreshImages(host) {
      const images = await callDaemon(link, host, 'listImages');
      updateDaemon(stores, host, (data) => ({ ...data, images }));
    },
    loadSecrets: (host) => readSecrets(link, stores, host),
    syncSecrets: (host, body) => callDaemon(link, host, 'syncSecrets', { body }),
    removeSecret: (host, query) => callDaemon(link, host, 'removeSecret', { query }),
    loadProviders: (host) => readProviders(link, stores, host),
    async setProvider(host, body) {
      await callDaemon(link, host, 'setSecretProvider', { body });
      await readProviders(link, stores, host);
    },
    async removeProvider(host, query) {
      await callDaemon(link, host, 'removeSecretProvider', { query });
      await readProviders(link, stores, host);
    },
    async pullSecrets(host, body) {
      try {
        return await callDaemon(link, host, 'pullSecrets', { body });
      } finally {
        // A pull that changes nothing, or is refused, is no event, and yet it was one. What cannot be read is asked for again soon.
        readProviders(link, stores, host).catch(() => undefined);
      }
    },
    rotateKey: (host) => callDaemon(link, host, 'rotateSecretsKey'),
    loadTokens,
    async createToken(host, body) {
      const created = await callDaemon(link, host, 'createToken', { body });
      loadTokens(host).catch(() => undefined); // it is read again soon, and its text must not wait for that
      return created;
    },
    async revokeToken(host, id) {
      await callDaemon(link, host, 'revokeToken', { params: { id } });
      await loadTokens(host);
    },
    listAudit: (host, query) => callDaemon(link, host, 'listAudit', { query }),
    loadCertificates,
    async renewCertificate(host, domain) {
      try {
        return await callDaemon(link, host, 'renewCertificate', { body: { domain } });
      } finally {
        loadCertificates(host).catch(() => undefined); // what came of the attempt stands there, and it is read again soon
      }
    },
    async importCertificate(host, body) {
      const imported = await callDaemon(link, host, 'importCertificate', { body });
      await loadCertificates(host);
      return imported;
    },
    async removeCertificate(host, domain) {
      await callDaemon(link, host, 'removeCertificate', { params: { domain } });
      await loadCertificates(host);
    },
    loadRoutes,
    async configureRoute(host, body) {
      const served = await callDaemon(link, host, 'configureRoute', { body });
      await loadRoutes(host);
      return served;
    },
    async removeRoute(host, domain) {
      await callDaemon(link, host, 'removeRoute', { params: { domain } });
      await loadRoutes(host);
    },
    downloadBackup: (host, passphrase, onProgress) => downloadBackup(link, host, passphrase, onProgress),
    uploadBackup: (host, restoring, onProgress) => uploadBackup(link, host, restoring, onProgress),
    async setSettings(settings) {
      stores.console.setState({ settings: await link.call('settings.set', settings) });
    },
    openLog: (host, app) => openLogSession(link, host, app, atNextBatch),
    openTerminal: (host, size, handlers) => openTerminal(link, host, size, handlers),
  };
}

/** Often enough for the eye; a flood of lines must leave time for the operator's clicks. */
const LOG_BATCH_MS = 60;

function atNextBatch(act: () => void): void {
  setTimeout(() => requestAnimationFrame(act), LOG_BATCH_MS);
}

/** Follows an installation into the store; it goes on in the core whichever view is open. */
function runInstall(link: Link, stores: Stores, host: string): void {
  const set = (change: (run: InstallRun) => InstallRun) => {
    const { installs } = stores.console.getState();
    const run = installs[host] ?? { state: 'running', steps: [], message: null };
    stores.console.setState({ installs: { ...installs, [host]: change(run) } });
  };
  if (stores.console.getState().installs[host]?.state === 'running') return;
  set(() => ({ state: 'running', steps: [], message: null }));
  try {
    link.open(
      'hosts.install',
      { host },
      {
        onMessage: (step) => set((run) => ({ ...run, steps: [...run.steps.filter((each) => each.name !== step.name), step] })),
        onEnd: (error) => set((run) => ({ ...run, state: error === null ? 'done' : 'failed', message: error?.message ?? null })),
      },
    );
  } catch (error) {
    set((run) => ({ ...run, state: 'failed', message: messageOf(error) }));
  }
}

/** Every call and stream the renderer may use, with what goes in and what comes out. Browser-safe: imports zod and the daemon's contract. */
import { z } from 'zod';
import { restoreReportSchema } from '../daemon/contract/backup.ts';
import { versionSchema } from '../daemon/contract/domain.ts';
import { errorCodeSchema } from '../daemon/contract/errors.ts';
import { type RouteName, routes } from '../daemon/contract/routes.ts';
import { type StreamName, streams } from '../daemon/contract/streams.ts';

// Hosts -----------------------------------------------------------------------------------------------------------

export const hostIdSchema = z.string().regex(/^[0-9a-z-]{1,64}$/);

/** How the console proves who it is. Secrets (passphrase, password) are given with a connection attempt and never listed. */
export const hostAuthSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('key'), path: z.string().min(1, 'choose a private key file').max(4096) }),
  z.strictObject({ kind: z.literal('agent') }),
  z.strictObject({ kind: z.literal('password') }),
]);
export type HostAuth = z.infer<typeof hostAuthSchema>;

export const hostInputSchema = z.strictObject({
  name: z.string().trim().min(1, 'give the host a name').max(80),
  address: z
    .string()
    .trim()
    .min(1, 'give the host name or IP address')
    .max(253)
    .regex(/^[A-Za-z0-9.:_-]+$/, 'use a host name or an IP address'),
  port: z.number().int().min(1).max(65_535).default(22),
  user: z
    .string()
    .trim()
    .min(1, 'give the login name')
    .max(64)
    .regex(/^[A-Za-z0-9._@-]+$/, 'use a login name'),
  auth: hostAuthSchema,
  production: z.boolean().default(false),
});
export type HostInput = z.input<typeof hostInputSchema>;

const fingerprintSchema = z.strictObject({
  key_type: z.string(),
  /** As OpenSSH prints it: `SHA256:` and unpadded base64. */
  sha256: z.string(),
});

/** The connection's state; each state but `connected` says what happened and what the operator can do. */
export const connectionSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('disconnected') }),
  z.strictObject({ kind: z.literal('connecting') }),
  z.strictObject({ kind: z.literal('key_unknown'), offered: fingerprintSchema }),
  z.strictObject({
    kind: z.literal('key_changed'),
    offered: fingerprintSchema,
    known: z.array(fingerprintSchema),
    remedy: z.string(),
  }),
  z.strictObject({ kind: z.literal('credentials_needed'), what: z.enum(['password', 'passphrase']), message: z.string() }),
  z.strictObject({ kind: z.literal('connected'), since: z.iso.datetime(), latency_ms: z.number().nullable() }),
  z.strictObject({ kind: z.literal('reconnecting'), attempt: z.number().int(), next_at: z.iso.datetime(), message: z.string() }),
  z.strictObject({ kind: z.literal('failed'), message: z.string() }),
]);
export type Connection = z.infer<typeof connectionSchema>;

/** What is known of the daemon over an open connection. */
export const daemonStateSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('unknown') }),
  z.strictObject({ kind: z.literal('absent'), message: z.string() }),
  z.strictObject({ kind: z.literal('ready'), version: versionSchema }),
  z.strictObject({ kind: z.literal('unreachable'), message: z.string() }),
]);
export type DaemonState = z.infer<typeof daemonStateSchema>;

export const hostSchema = z.strictObject({
  id: hostIdSchema,
  name: z.string(),
  address: z.string(),
  port: z.number().int(),
  user: z.string(),
  auth: hostAuthSchema,
  production: z.boolean(),
  connection: connectionSchema,
  daemon: daemonStateSchema,
});
export type Host = z.infer<typeof hostSchema>;

// Calls -----------------------------------------------------------------------------------------------------------

const hostOnly = z.strictObject({ host: hostIdSchema });
const nothing = z.undefined();

export const settingsSchema = z.strictObject({
  color_scheme: z.enum(['light', 'dark', 'auto']),
});
export type Settings = z.infer<typeof settingsSchema>;

export const consoleInfoSchema = z.strictObject({
  version: z.string(),
  shell: z.enum(['electron', 'web']),
  platform: z.string(),
});

const routeNames = Object.keys(routes) as [RouteName, ...RouteName[]];
const streamNames = Object.keys(streams) as [StreamName, ...StreamName[]];

/** One call to a host's daemon. `params`, `query` and `body` are checked against the route's own schemas by the core. */
export const daemonCallSchema = z.strictObject({
  host: hostIdSchema,
  route: z.enum(routeNames),
  params: z.record(z.string(), z.string()).optional(),
  query: z.record(z.string(), z.unknown()).optional(),
  body: z.unknown().optional(),
});

export const calls = {
  'console.info': { input: nothing, output: consoleInfoSchema },
  'settings.get': { input: nothing, output: settingsSchema },
  'settings.set': { input: settingsSchema, output: settingsSchema },
  'hosts.list': { input: nothing, output: z.array(hostSchema) },
  'hosts.add': { input: hostInputSchema, output: hostSchema },
  'hosts.update': { input: z.strictObject({ host: hostIdSchema, changes: hostInputSchema }), output: hostSchema },
  /** Forgets the host and its credentials here; nothing is changed on the server. */
  'hosts.remove': { input: hostOnly, output: nothing },
  /** Resolves when the attempt has ended, whatever its outcome; the outcome is the host's `connection`. */
  'hosts.connect': {
    input: hostOnly.extend({ password: z.string().max(1024).optional(), passphrase: z.string().max(1024).optional() }),
    output: hostSchema,
  },
  'hosts.disconnect': { input: hostOnly, output: hostSchema },
  /** Records the offered key of a host in state `key_unknown`; the fingerprint must be the one that was shown. Then connects. */
  'hosts.trust': { input: hostOnly.extend({ sha256: z.string().max(100) }), output: hostSchema },
  daemon: { input: daemonCallSchema, output: z.unknown() },
} as const;

export type Calls = typeof calls;
export type CallName = keyof Calls;
export type CallInput<N extends CallName> = z.input<Calls[N]['input']>;
export type CallOutput<N extends CallName> = z.output<Calls[N]['output']>;

// Streams ---------------------------------------------------------------------------------------------------------

export const installStepSchema = z.strictObject({
  name: z.enum(['preflight', 'upload', 'verify', 'stage', 'self-test', 'switch', 'start', 'probe']),
  state: z.enum(['running', 'done', 'failed']),
  detail: z.string(),
  /** 0 to 1 where it is known, as for the upload. */
  progress: z.number().min(0).max(1).nullable(),
});
export type InstallStep = z.infer<typeof installStepSchema>;

/** From the core while a daemon stream lasts: its messages, what was lost, and gaps in the connection that were bridged. */
export const daemonStreamMessageSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('message'), message: z.unknown() }),
  z.strictObject({ kind: z.literal('dropped'), count: z.number().int() }),
  z.strictObject({ kind: z.literal('interrupted'), message: z.string() }),
  z.strictObject({ kind: z.literal('resumed') }),
]);
export type DaemonStreamMessage = z.infer<typeof daemonStreamMessageSchema>;

/** `input` opens it, `down` comes from the core, `up` may be sent to it. A stream ends by the core or is closed by the renderer. */
export const channels = {
  /** The whole list of hosts, now and at every change. */
  'hosts.watch': { input: nothing, down: z.array(hostSchema), up: z.never() },
  /** Installs or upgrades the daemon; ends after the last step, with an error if it failed. */
  'hosts.install': { input: hostOnly, down: installStepSchema, up: z.never() },
  /** A stream of the daemon's contract; the core reconnects and resumes it from its cursor. */
  'daemon.stream': {
    input: z.strictObject({
      host: hostIdSchema,
      stream: z.enum(streamNames),
      params: z.record(z.string(), z.string()).optional(),
      query: z.record(z.string(), z.unknown()).optional(),
    }),
    down: daemonStreamMessageSchema,
    up: z.never(),
  },
  /** A login shell on the host over SSH. Bytes travel as base64; the core sends at most its window beyond what was acknowledged. */
  terminal: {
    input: hostOnly.extend({ cols: z.number().int().min(2).max(1000), rows: z.number().int().min(1).max(1000) }),
    down: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('output'), data: z.string() }),
      z.strictObject({ kind: z.literal('exit'), code: z.number().int().nullable(), signal: z.string().nullable() }),
    ]),
    up: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('input'), data: z.string().max(1_000_000) }),
      z.strictObject({
        kind: z.literal('resize'),
        cols: z.number().int().min(2).max(1000),
        rows: z.number().int().min(1).max(1000),
      }),
      /** Decoded bytes that xterm has taken in since the last acknowledgement. */
      z.strictObject({ kind: z.literal('ack'), bytes: z.number().int().positive() }),
    ]),
  },
  /** An encrypted backup of the host, as base64 chunks; the core sends at most its window beyond what was acknowledged. */
  'backup.create': {
    input: hostOnly.extend({ passphrase: z.string().max(2_000) }),
    down: z.strictObject({ data: z.string() }),
    up: z.strictObject({ bytes: z.number().int().positive() }),
  },
  /** Sends a backup to the host, and ends after the daemon's report; without `apply` a rehearsal that changes nothing. */
  'backup.restore': {
    input: hostOnly.extend({
      passphrase: z.string().max(2_000),
      apply: z.boolean(),
      size_bytes: z.number().int().nonnegative(),
    }),
    down: z.discriminatedUnion('kind', [
      /** So much more of the file has gone to the host: so much more may be sent. */
      z.strictObject({ kind: z.literal('taken'), bytes: z.number().int().positive() }),
      z.strictObject({ kind: z.literal('report'), report: restoreReportSchema }),
    ]),
    up: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('bytes'), data: z.string().max(1_000_000) }),
      z.strictObject({ kind: z.literal('end') }),
    ]),
  },
} as const;

export type Channels = typeof channels;
export type ChannelName = keyof Channels;
export type ChannelInput<N extends ChannelName> = z.input<Channels[N]['input']>;
export type ChannelDown<N extends ChannelName> = z.output<Channels[N]['down']>;
export type ChannelUp<N extends ChannelName> = z.input<Channels[N]['up']>;

// The link --------------------------------------------------------------------------------------------------------

export const linkErrorSchema = z.strictObject({
  code: z.union([errorCodeSchema, z.enum(['host_unavailable', 'closed'])]),
  message: z.string(),
  details: z.unknown().optional(),
  operation_id: z.string().optional(),
});
export type LinkErrorShape = z.infer<typeof linkErrorSchema>;

const linkIdSchema = z.number().int().nonnegative();

/** Frames from the renderer to the core; the same over Electron's ports and the web shell's WebSocket. */
export const upFrameSchema = z.discriminatedUnion('t', [
  z.strictObject({ t: z.literal('call'), id: linkIdSchema, name: z.string(), input: z.unknown().optional() }),
  z.strictObject({ t: z.literal('open'), id: linkIdSchema, name: z.string(), input: z.unknown().optional() }),
  z.strictObject({ t: z.literal('send'), id: linkIdSchema, message: z.unknown() }),
  z.strictObject({ t: z.literal('close'), id: linkIdSchema }),
]);
export type UpFrame = z.infer<typeof upFrameSchema>;

/** Frames from the core to the renderer. */
export const downFrameSchema = z.discriminatedUnion('t', [
  z.strictObject({ t: z.literal('result'), id: linkIdSchema, value: z.unknown().optional() }),
  z.strictObject({ t: z.literal('error'), id: linkIdSchema, error: linkErrorSchema }),
  z.strictObject({ t: z.literal('data'), id: linkIdSchema, message: z.unknown() }),
  z.strictObject({ t: z.literal('end'), id: linkIdSchema, error: linkErrorSchema.optional() }),
]);
export type DownFrame = z.infer<typeof downFrameSchema>;

/** The core's end of a link, as a shell makes it. Frames come unchecked: the core checks every one. */
export interface CorePort {
  /** Sends a frame, or drops it when the link is gone. */
  post(frame: DownFrame): void;
  onFrame(listener: (frame: unknown) => void): void;
  onClose(listener: () => void): void;
  /** Bytes posted and not yet taken by the other side; a stream waits while it is high. Absent: never waits. */
  bufferedBytes?(): number;
}

/** What `window.nextdeploy` offers in every shell: frames out, frames in. All typing and checking is built on it by `renderer/bridge`. */
export interface Bridge {
  post(frame: UpFrame): void;
  /** Returns how to stop listening. */
  onFrame(listener: (frame: DownFrame) => void): () => void;
  /** Called with false when the link to the core is lost and with true when it is back (a fresh core: everything must be reopened). */
  onLink(listener: (isOpen: boolean) => void): () => void;
}

/** What the program inside the server can be asked, and what it answers: one JSON object each way, over stdin and stdout. */
import type { Operation } from '../../../daemon/contract/domain.ts';
import type { WrkResult } from '../../load/wrk.ts';

/** Where an answer is polled for. `version` is what the JSON body's `version` must be for the answer to count. */
export interface PollTarget {
  address: string;
  port: number;
  path: string;
  host: string;
  version: string;
}

export interface DaemonAccess {
  socket: string;
  token: string;
}

export interface LoadTarget {
  wrk: [string, ...string[]];
  url: string;
  host: string;
}

/** `quiet_ms_max`: how long to wait for an idle machine before; `is_quiet`: whether it was. */
export interface AgentCalls {
  /** `docker run` of an image to the first healthy answer at the container's own address. The container is removed afterwards. */
  floor: {
    request: { docker_run: string[]; target: PollTarget; quiet_ms_max: number };
    answer: { total_ms: number; run_ms: number; is_quiet: boolean };
  };
  /** `POST /swap` to the first answer of the new release at `target`; resolves when the operation has ended. */
  swap: {
    request: {
      daemon: DaemonAccess;
      app: string;
      image: string;
      target: PollTarget;
      /** Where the app's markers are: nobody is asked before one of them changes. */
      marker_directory: string;
      quiet_ms_max: number;
    };
    answer: { total_ms: number; accepted_ms: number; ended_ms: number; is_quiet: boolean; operation: Operation };
  };
  /** A load of its own for so many seconds. */
  baseline: { request: { load: LoadTarget; seconds: number }; answer: LoadedRun };
  /** Swaps one after the other, alternating between the images, under load. */
  swaps: {
    request: {
      load: LoadTarget;
      daemon: DaemonAccess;
      app: string;
      images: string[];
      check: Omit<PollTarget, 'version'>;
      versions: string[];
    };
    answer: LoadedRun;
  };
  /** No change at all, but the same work for Docker at the same moments: a container is run until it answers, then stopped and removed. */
  churn: { request: { load: LoadTarget; at_ms: number[]; docker_run: string[]; target: PollTarget }; answer: LoadedRun };
  /** The same number of changes at the same moments, by the proxy's usual method. */
  reloads: {
    request: { load: LoadTarget; at_ms: number[]; reloads: Reload[]; versions: string[]; check: Omit<PollTarget, 'version'> };
    answer: LoadedRun;
  };
  /** Swaps one after the other, with streams, WebSockets, downloads and uploads open across each. */
  streams: {
    request: {
      daemon: DaemonAccess;
      app: string;
      images: string[];
      versions: string[];
      entry: Omit<PollTarget, 'version'>;
      /** On the server: a line `ID VERSION BYTES` for each body that reached the app. */
      posts_file: string;
    };
    answer: StreamsRun;
  };
  /** A load for so many seconds through a proxy that runs as this unit of systemd. */
  throughput: {
    request: {
      load: LoadTarget;
      unit: string;
      seconds: number /** How long to wait for an idle machine. */;
      quiet_ms_max: number;
    };
    answer: { requests_per_second: number; processor_us_per_request: number; is_quiet: boolean };
  };
}

/** A change of the upstream: over Caddy's admin API, or as nginx's file of it followed by a reload. */
export type Reload =
  | { proxy: 'caddy'; admin: string; upstream: string }
  | { proxy: 'nginx'; main: string; file: string; text: string };

export const STREAM_KINDS = ['events', 'websocket', 'download', 'upload', 'post'] as const;
/** Server-sent events, WebSockets, slow downloads, slow uploads, and short POSTs all the while. */
export type StreamKind = (typeof STREAM_KINDS)[number];

export interface StreamsRun {
  kinds: Record<StreamKind, { opened: number /** Begun before a switch and ended after it. */; spanning: number; cut: number }>;
  /** Bodies that were answered and never reached an app; a request that failed counts as cut. */
  lost: number;
  /** Bodies that reached apps more than once. */
  repeated: number;
  /** What went wrong first, in words. */
  problems: string[];
}

export interface LoadedRun {
  wrk: WrkResult;
  seconds: number;
  /** When each change was asked for, from the start of the load. */
  changes_at_ms: number[];
}

export type AgentCall = keyof AgentCalls;
export type AgentRequest<C extends AgentCall> = AgentCalls[C]['request'];
export type AgentAnswer<C extends AgentCall> = AgentCalls[C]['answer'];

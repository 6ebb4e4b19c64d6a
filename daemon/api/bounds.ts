/** How long a caller is waited for. Tests shorten them. */
export interface ServerTimeouts {
  headers_ms: number;
  /** To the last byte of a JSON body. */
  body_ms: number;
  /** Between two pieces of an upload, which has no other deadline. */
  upload_idle_ms: number;
  /** Between two pieces of an answer that its caller takes. */
  answer_idle_ms: number;
  /** Between two pings of a stream's peer; one that gave no sign of life for two of them is gone. */
  ping_ms: number;
}

export const SERVER_TIMEOUTS: ServerTimeouts = {
  headers_ms: 10_000,
  body_ms: 30_000,
  upload_idle_ms: 60_000,
  answer_idle_ms: 30_000,
  ping_ms: 15_000,
};

/** Bounds of the server's own, beside those of the contract: what a caller may cost before it is refused. */
export const SERVER_BOUNDS = {
  header_bytes_max: 16 * 1024,
  header_fields_max: 64,
  /** Longer than any client of ours keeps an idle connection, so that it is the client that closes. */
  keep_alive_ms: 120_000,
  connections_max: 512,
  requests_in_flight_max: 1_024,
  streams_max: 256,
  json_depth_max: 32,
  idempotency_key_length_max: 128,
  path_parameter_length_max: 4_096,
  /** After refusing a body: how long, and how much, is read and thrown away so that the answer reaches the caller. */
  linger_ms: 1_000,
  linger_bytes_max: 4 * 1024 * 1024,
  /** Failing answers held back at once; beyond it callers are told to slow down. */
  delayed_answers_max: 64,
  /** Bytes waiting in a WebSocket beyond which its source is no longer read. */
  stream_buffered_bytes_max: 256 * 1024,
  stream_incoming_bytes_max: 4 * 1024,
  close_grace_ms: 3_000,
} as const;

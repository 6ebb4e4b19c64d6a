import { z } from 'zod';
import type { AppRule } from './access.ts';
import { eventSchema, logLineSchema, type Role, systemMetricsSchema } from './domain.ts';
import { DEFAULTS, LIMITS } from './limits.ts';
import { appNameSchema } from './names.ts';

/**
 * The table of WebSocket streams. Every frame from the daemon is one JSON object: a message of the stream, or
 * `{dropped: n}` where a slow reader lost n messages, or an {@link ErrorResponse} before the socket is closed.
 */
export interface Stream<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Message extends z.ZodType = z.ZodType,
> {
  path: `/ws/${string}`;
  role: Role;
  /** What it is to a token that is limited to apps. */
  apps: AppRule;
  summary: string;
  params: Params;
  query: Query;
  message: Message;
}

function stream<P extends z.ZodType, Q extends z.ZodType, M extends z.ZodType>(definition: Stream<P, Q, M>): Stream<P, Q, M> {
  return definition;
}

const TAIL_MESSAGE = `use a number from 0 to ${LIMITS.log_tail_lines_max}`;
const AFTER_MESSAGE = 'use the number of an event, 0 or greater';

export const streams = {
  logs: stream({
    path: '/ws/logs/:app',
    role: 'viewer',
    apps: 'named',
    summary: 'Log lines of an app, across swaps and restarts.',
    params: z.strictObject({ app: appNameSchema }),
    query: z.strictObject({
      tail: z.coerce
        .number(TAIL_MESSAGE)
        .int(TAIL_MESSAGE)
        .min(0, TAIL_MESSAGE)
        .max(LIMITS.log_tail_lines_max, TAIL_MESSAGE)
        .default(DEFAULTS.log_tail_lines),
      since: z
        .string()
        .max(40)
        .optional()
        .meta({ description: 'only lines after this `ts`; resumes without loss or repetition' }),
      follow: z.stringbool().default(true),
      grep: z.string().max(200).optional().meta({ description: 'only lines that contain this text' }),
    }),
    message: logLineSchema,
  }),
  events: stream({
    path: '/ws/events',
    role: 'viewer',
    apps: 'filtered',
    summary: 'Events of the daemon; `after` resumes without loss.',
    params: z.strictObject({}),
    query: z.strictObject({
      after: z.coerce
        .number(AFTER_MESSAGE)
        .int(AFTER_MESSAGE)
        .min(0, AFTER_MESSAGE)
        .optional()
        .meta({ description: 'default: only what comes from now on' }),
    }),
    message: eventSchema,
  }),
  system: stream({
    path: '/ws/system',
    role: 'viewer',
    apps: 'any',
    summary: "The host's figures, every second.",
    params: z.strictObject({}),
    query: z.strictObject({}),
    message: systemMetricsSchema,
  }),
};

export type Streams = typeof streams;
export type StreamName = keyof Streams;
export type StreamParams<N extends StreamName> = z.output<Streams[N]['params']>;
export type StreamQuery<N extends StreamName> = z.output<Streams[N]['query']>;
export type StreamQueryInput<N extends StreamName> = z.input<Streams[N]['query']>;
export type StreamMessage<N extends StreamName> = z.output<Streams[N]['message']>;

/** Said in a stream in place of the `dropped` messages that a slow reader lost. */
export const droppedSchema = z.strictObject({ dropped: z.number().int().positive() });

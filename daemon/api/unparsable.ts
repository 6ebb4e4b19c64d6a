/** What Node's parser refuses: not HTTP, too many header bytes, or headers that do not end. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { DomainError } from '../contract/errors.ts';
import { SERVER_BOUNDS } from './bounds.ts';
import { errorAnswer, sendRaw } from './respond.ts';

const REASONS: Record<string, string> = {
  HPE_HEADER_OVERFLOW: `The request's headers are more than ${SERVER_BOUNDS.header_fields_max} fields or ${SERVER_BOUNDS.header_bytes_max} bytes.`,
  ERR_HTTP_REQUEST_TIMEOUT: "The request's headers did not arrive in time.",
};

/** Knows the requests of each connection that are not answered yet: they may follow each other without waiting (RFC 9112 §9.3.2). */
export class Unparsable {
  readonly #unanswered = new WeakMap<Duplex, Map<IncomingMessage, Promise<void>>>();
  readonly #refused = new WeakSet<Duplex>();

  follow(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const requests = this.#unanswered.get(socket) ?? new Map<IncomingMessage, Promise<void>>();
    this.#unanswered.set(socket, requests);
    const { promise, resolve } = Promise.withResolvers<void>();
    requests.set(request, promise);
    response.once('close', () => {
      requests.delete(request);
      resolve();
    });
  }

  /** Refuses it and closes the connection, once the requests before it have their answers: the refusal must not be taken for one of those. */
  refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    // What still comes in is refused by the parser piece by piece.
    if (this.#refused.has(socket)) return;
    this.#refused.add(socket);
    const message = REASONS[error.code ?? ''] ?? 'This is not a valid HTTP request.';
    const send = () => sendRaw(socket, errorAnswer(new DomainError('invalid_request', message)));
    // Of one that is not complete it is the end that cannot be read.
    const before = [...(this.#unanswered.get(socket) ?? [])].filter(([request]) => request.complete);
    if (before.length === 0) send();
    else void Promise.all(before.map(([, answered]) => answered)).then(send);
  }
}

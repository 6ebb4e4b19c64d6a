/** A Docker that answers as a test tells it, for what a real one does not do on demand: hang, break off, quote secrets. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

export const says =
  (status: number, body = ''): Answer =>
  (_, response) =>
    response.writeHead(status).end(body);

export class ScriptedDocker {
  /** In the order of the requests; beyond the last it is mute. */
  answers: Answer[] = [];
  /** `GET /v1.41/info` of each request so far, negotiation aside. */
  readonly paths: string[] = [];
  versions: { ApiVersion: string; MinAPIVersion?: string } = { ApiVersion: '1.41' };
  readonly directory = mkdtempSync(join(tmpdir(), 'nextdeploy-docker-'));
  readonly socket = join(this.directory, 'docker.sock');
  readonly server: Server = createServer((request, response) => {
    if (request.url === '/version') return void response.end(JSON.stringify(this.versions));
    this.paths.push(`${request.method} ${request.url}`);
    this.answers.shift()?.(request, response);
  });

  static async start(): Promise<ScriptedDocker> {
    const docker = new ScriptedDocker();
    docker.server.listen(docker.socket);
    await once(docker.server, 'listening');
    return docker;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
    rmSync(this.directory, { recursive: true });
  }
}

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DockerClient } from './client.ts';
import { removeImage } from './image-removal.ts';
import { ScriptedDocker, says } from './test-docker.ts';

const IMAGE = { Id: 'sha256:a', RepoTags: ['shop:v1', 'r.test/shop:v1'], RepoDigests: ['r.test/shop@sha256:1'] };
const OURS = ['shop:v1', 'r.test/shop:v1'];
const NOTHING = says(200, '[]');
const DONE = says(200, '[]');
const BUSY = says(409, '{"message":"image has dependent child images"}');

let fake: ScriptedDocker;
let client: DockerClient;
const { signal } = new AbortController();

beforeEach(async () => {
  fake = await ScriptedDocker.start();
  client = new DockerClient(fake.socket);
});
afterEach(() => {
  client.close();
  fake.close();
});

const changes = () => fake.paths.filter((path) => !path.startsWith('GET')).map((path) => path.replace('/v1.41/images/', ''));
const remove = (references = OURS) => removeImage(client, IMAGE, references, signal);

describe('removing an image', () => {
  it('leaves the last name to the removal of the image itself', async () => {
    fake.answers = [NOTHING, NOTHING, DONE, DONE, DONE];
    expect(await remove()).toBe(true);
    expect(changes()).toEqual([
      'DELETE r.test/shop%3Av1?force=false&noprune=true',
      'DELETE r.test/shop%40sha256%3A1?force=false&noprune=true',
      'DELETE sha256%3Aa?force=false&noprune=true',
    ]);
  });

  it('gives back the names it took when somebody has come to need it', async () => {
    fake.answers = [NOTHING, NOTHING, DONE, DONE, BUSY, says(201)];
    expect(await remove()).toBe(false);
    expect(changes().at(-1)).toBe('POST sha256%3Aa/tag?repo=r.test%2Fshop&tag=v1');
  });

  it('takes no name of one that a container uses, another image was built on, or somebody else has named', async () => {
    fake.answers = [says(200, '[{"ImageID":"sha256:a"}]'), NOTHING];
    expect(await remove()).toBe(false);
    fake.answers = [NOTHING, says(200, '[{"ParentId":""},{"ParentId":"sha256:a"}]')];
    expect(await remove()).toBe(false);
    expect(await remove(['shop:v1'])).toBe(false);
    expect(changes()).toEqual([]);
  });
});

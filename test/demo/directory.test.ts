import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { createDirectory } from './directory.ts';

it('removes the folders of dead demos and leaves those of living ones and of others', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'directory-test-'));
  try {
    // Above the largest pid that Linux gives (proc(5), pid_max).
    for (const name of ['nextdeploy-demo-4194305-abc', `nextdeploy-demo-${process.pid}-abc`, 'something-else']) {
      await mkdir(join(parent, name));
    }
    const made = await createDirectory(parent);
    expect((await readdir(parent)).sort()).toEqual(
      [`nextdeploy-demo-${process.pid}-abc`, basename(made), 'something-else'].sort(),
    );
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});

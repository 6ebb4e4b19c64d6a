import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkFile, partOf } from './layering/checker.ts';
import { FILE_LINES_SHOWN_ABOVE, PARTS } from './layering/rules.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['daemon', 'main', 'preload', 'renderer', 'scripts', 'test'];
const NOT_OURS = /(^|\/)(node_modules|\.next|out|dist)\/|^test\/fixtures\//;

const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts') && !NOT_OURS.test(path)),
);
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const countLines = (path: string) => read(path).split('\n').length - 1;

describe('the source', () => {
  test('keeps to the import directions of DESIGN §2, without any, untold suppressions or giant files', () => {
    expect(files.length).toBeGreaterThan(20);
    for (const path of files.filter((path) => countLines(path) > FILE_LINES_SHOWN_ABOVE)) {
      console.warn(`${path} has ${countLines(path)} lines: question it.`);
    }
    expect(files.flatMap((path) => checkFile(path, read(path)))).toEqual([]);
  });
});

describe('the checker finds', () => {
  test.each([
    ['the contract importing a package', 'daemon/contract/x.ts', "import pino from 'pino';", 'zod and nothing else'],
    ['the contract importing the engine', 'daemon/contract/x.ts', "import { a } from '../engine/a.ts';", 'may not import engine'],
    ['the engine importing Docker', 'daemon/engine/x.ts', "import Docker from 'dockerode';", 'host’s interfaces alone'],
    ['the engine importing host', 'daemon/engine/x.ts', "import { a } from '../host/a.ts';", 'may not import host'],
    ['a type import of what is forbidden', 'daemon/engine/x.ts', "import type { A } from '../host/a.ts';", 'may not import host'],
    ['an import inside a type', 'daemon/engine/x.ts', "type A = import('../host/a.ts').A;", 'may not import host'],
    ['a re-export', 'daemon/engine/x.ts', "export * from '../host/a.ts';", 'may not import host'],
    ['a re-export by name', 'daemon/engine/x.ts', "export { a } from '../host/a.ts';", 'may not import host'],
    ['a dynamic import', 'daemon/engine/x.ts', "await import('../host/a.ts');", 'may not import host'],
    ['an import for its side effect', 'daemon/engine/x.ts', "import '../host/a.ts';", 'may not import host'],
    ['files read outside of host', 'daemon/proxy/x.ts', "import { readFile } from 'node:fs/promises';", 'only host touches'],
    ['files read under the old name', 'daemon/proxy/x.ts', "import fs from 'fs';", 'only host touches'],
    ['a require', 'daemon/api/x.ts', "const { spawn } = require('node:child_process');", 'only host touches'],
    ['a made require', 'daemon/api/x.ts', "createRequire(import.meta.url)('node:sqlite');", 'only host touches'],
    ['an old import assignment', 'daemon/api/x.ts', "import fs = require('fs');", 'only host touches'],
    ['an import computed at run time', 'daemon/api/x.ts', 'await import(name);', 'computes an import'],
    [
      'host using behaviour of the streams',
      'daemon/host/x.ts',
      "import { Hub } from '../stream/hub.ts';",
      'may not import stream',
    ],
    ['the client importing the server', 'daemon/api/client.ts', "import { a } from './server.ts';", 'may not import api'],
    ['the command line importing the engine', 'daemon/cli/x.ts', "import { a } from '../engine/a.ts';", 'no way around its API'],
    ['the core importing Electron', 'main/core/x.ts', "import { app } from 'electron';", 'without Electron'],
    ['the core importing the daemon', 'main/core/x.ts', "import { a } from '../../daemon/host/a.ts';", 'may not import host'],
    ['the web shell importing the core', 'main/web/x.ts', "import { a } from '../core/core.ts';", 'may not import core'],
    ['AWS outside of host', 'daemon/secrets/x.ts', "await import('@aws-sdk/client-ssm');", 'through host’s interface'],
    ['SSH outside of the core', 'main/electron/x.ts', "import { Client } from 'ssh2';", 'live in the core'],
    ['the renderer importing main', 'renderer/x.tsx', "import { a } from '../main/core/a.ts';", 'may not import core'],
    ['the renderer importing Node', 'renderer/x.tsx', "import { join } from 'path';", 'no Node'],
    ['the renderer importing its test data', 'renderer/x.tsx', "import { a } from './testing/a.ts';", 'what is not'],
    ['the preload importing Node', 'preload/index.ts', "import { a } from 'node:os';", 'no Node'],
    ['the preload importing a package', 'preload/index.ts', "import { z } from 'zod';", 'sandboxed'],
    ['React in the core', 'main/core/x.ts', "import { useState } from 'react';", 'only the renderer draws'],
    ['shipped code importing a script', 'daemon/main.ts', "import { a } from '../scripts/a.ts';", 'what is not'],
    ['the daemon importing the command line', 'daemon/main.ts', "import { a } from './cli/a.ts';", 'may not import cli'],
    ['a way out of the repository', 'daemon/main.ts', "import { a } from '../../elsewhere/a.ts';", 'no part of the project'],
    ['a file in no part', 'daemon/helpers/x.ts', '', 'belongs to no part'],
    ['any', 'test/x.ts', 'export const x: Array<any> = [];', '"any"'],
    ['any in a cast', 'test/x.tsx', 'const x = <div>{(y as any).z}</div>;', '"any"'],
    ['a silenced compiler', 'test/x.ts', '// @ts-ignore because\nconst x = 1;', 'silences'],
    ['a silenced error without a reason', 'test/x.ts', '// @ts-expect-error\nconst x = 1;', 'silences'],
    ['a file of more than 500 lines', 'test/x.ts', '\n'.repeat(501), 'is several'],
  ])('%s', (_what, path, source, complaint) => {
    expect(checkFile(path, source)).toEqual([expect.stringContaining(complaint)]);
  });
});

describe('the checker allows', () => {
  test.each([
    ['an import that is only text', 'daemon/engine/x.ts', "const s = \"import x from 'dockerode'\"; // import 'electron'"],
    ['the word any', 'daemon/engine/x.ts', "/** any */ const any = 'any';"],
    ['host using types of the streams', 'daemon/host/x.ts', "import type { LogSource } from '../stream/logs.ts';"],
    ['host using inline types', 'daemon/host/x.ts', "import { type LogSource } from '../stream/logs.ts';"],
    [
      'host touching the machine',
      'daemon/host/x.ts',
      "import Docker from 'dockerode'; import { rename } from 'node:fs/promises';",
    ],
    ['an error that is expected, with its reason', 'test/x.ts', '// @ts-expect-error: the compiler refuses it\nconst x = 1;'],
    [
      'the core using client and contract',
      'main/core/x.ts',
      "import '../../daemon/api/client.ts'; import '../../daemon/contract/rules.ts';",
    ],
    ['a test importing everything', 'main/core/x.test.ts', "import '../../daemon/engine/a.ts'; import 'dockerode';"],
    ['a style sheet', 'renderer/x.tsx', "import './x.css'; import '@mantine/core/styles.css';"],
  ])('%s', (_what, path, source) => {
    expect(checkFile(path, source)).toEqual([]);
  });

  test('every rule to name only parts that exist', () => {
    const names = new Set(PARTS.map((part) => part.name));
    const named = PARTS.flatMap((part) => [...(part.imports ?? []), ...(part.types ?? [])]);
    expect(named.filter((name) => !names.has(name))).toEqual([]);
    expect(partOf('daemon/secrets/sealed.ts')?.name).toBe('sealed');
    expect(partOf('daemon/secrets/vault.ts')?.name).toBe('secrets');
  });
});

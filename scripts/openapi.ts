/** Writes docs/api/openapi.json from the contract; a test checks that it is current. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openApiText } from '../daemon/api/openapi.ts';
import manifest from '../package.json' with { type: 'json' };

const path = fileURLToPath(new URL('../docs/api/openapi.json', import.meta.url));
await mkdir(dirname(path), { recursive: true });
await writeFile(path, openApiText(manifest.version));
console.log('docs/api/openapi.json is written.');

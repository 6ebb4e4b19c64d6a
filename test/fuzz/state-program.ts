/** {@link readState} as a program for a server: takes places as JSON on its standard input, prints the state as JSON. */
import { text } from 'node:stream/consumers';
import { readState, type StatePlaces } from './state.ts';

process.stdout.write(JSON.stringify(readState(JSON.parse(await text(process.stdin)) as StatePlaces)));

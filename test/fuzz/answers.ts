/** What was heard, as HTTP. Pure. */

export interface Answer {
  status: number;
  /** Names in lower case. */
  headers: Map<string, string>;
  body: Buffer;
}

export interface Heard {
  answers: Answer[];
  /** What is no HTTP answer, where there should be one; null: nothing. After `101` come frames. */
  garbage: string | null;
}

/** Reads answers one after the other. One that is cut off, because the caller left, is as much of it as there is. */
export function parseAnswers(heard: Buffer): Heard {
  const answers: Answer[] = [];
  for (let rest = heard; rest.length > 0; ) {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1)
      return { answers, garbage: /^HTTP\/1\.1 \d|^H?T?T?P?$/.test(rest.subarray(0, 10).toString('latin1')) ? null : shown(rest) };
    const [line = '', ...fields] = rest.subarray(0, end).toString('latin1').split('\r\n');
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1];
    if (status === undefined) return { answers, garbage: shown(rest) };
    const headers = new Map(
      fields.map((field): [string, string] => [
        field.slice(0, field.indexOf(':')).toLowerCase(),
        field.slice(field.indexOf(':') + 1).trim(),
      ]),
    );
    const body = rest.subarray(end + 4);
    const length = lengthOf(Number(status), headers, body.length);
    answers.push({ status: Number(status), headers, body: body.subarray(0, length) });
    rest = body.subarray(length);
  }
  return { answers, garbage: null };
}

function lengthOf(status: number, headers: ReadonlyMap<string, string>, left: number): number {
  if (status === 100) return 0;
  const declared = headers.get('content-length');
  // Frames, or pieces of a length that is not known: all that is left.
  return declared === undefined ? left : Math.min(Number(declared), left);
}

const shown = (bytes: Buffer) => JSON.stringify(bytes.subarray(0, 200).toString('latin1'));

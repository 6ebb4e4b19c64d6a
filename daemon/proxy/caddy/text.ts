/** The language of a Caddyfile: how blocks and words are written in it. Pure. */

/** Lines may be several. */
export const block = (head: string, lines: readonly string[]) => [
  `${head} {`,
  ...lines.flatMap((line) => line.split('\n')).map((line) => `\t${line}`),
  '}',
];

/** Variables of the request that stand for what no word can have in it as it is. */
const SIGNS = {
  '\\': 'nextdeploy_backslash',
  '{': 'nextdeploy_open',
  '}': 'nextdeploy_close',
  '`': 'nextdeploy_backtick',
} as const;
const SPECIAL = /[\\{}`]/g;

/**
 * One word that Caddy gives out as it is, in a place where it replaces placeholders. Between backticks all is literal to the Caddyfile, but
 * for `{$…}`; and of what replaces placeholders, backslashes and braces are the signs. So those and the backtick come by variables, which
 * {@link signVariables} sets before.
 */
export function literal(text: string): string {
  return `\`${text.replace(SPECIAL, (sign) => `{http.vars.${SIGNS[sign as keyof typeof SIGNS]}}`)}\``;
}

/** In a `route`, before the words that need them. */
export function signVariables(texts: readonly string[]): string[] {
  return Object.entries(SIGNS)
    .filter(([sign]) => texts.some((text) => text.includes(sign)))
    .map(([sign, name]) => `vars ${name} ${written(sign)}`);
}

/**
 * A brace alone would be a block's, so it stands behind a variable that nobody sets: there it opens or ends nothing. (A backslash before it
 * would be taken away once more where the file is imported, and not where it is checked.)
 */
function written(sign: string): string {
  if (sign === '`') return '"`"';
  return sign === '\\' ? '`\\`' : `\`{http.vars.nextdeploy_nothing}${sign}\``;
}

/** One word in a place where Caddy replaces nothing, such as a regular expression without braces. */
export function word(text: string): string {
  return `\`${text}\``;
}

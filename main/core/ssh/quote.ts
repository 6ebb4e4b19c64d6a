/**
 * One argument array as the single string that sshd hands to the login shell (RFC 4254 §6.5). Every argument is enclosed in single
 * quotes, inside which a POSIX shell interprets nothing; a quote itself becomes `'\''`.
 *
 * Throws on NUL, which no argument can carry, and on an empty array.
 */
export function quoteCommand(argv: readonly string[]): string {
  if (argv.length === 0) throw new Error('a command needs at least its program');
  return argv.map(quoteArgument).join(' ');
}

function quoteArgument(argument: string): string {
  if (argument.includes('\0')) throw new Error('a command argument cannot contain NUL');
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}

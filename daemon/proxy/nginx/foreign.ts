/** What the operator's own configuration of nginx says about its listeners, from the text that `nginx -T` prints. Pure. */

/** A server block that is not ours. */
interface Server {
  file: string;
  /** As written, such as `80`, `[::]:80`. Empty: nginx's default, port 80. */
  listens: { address: string; isDefault: boolean }[];
  /** Read by nginx after the directory that is asked about. */
  isAfter: boolean;
}

/** Whether nginx reads the file at all. */
export function isRead(dump: string, path: string): boolean {
  return splitDump(dump).some((file) => file.path === path);
}

/**
 * The file of a site that answers requests for unknown names on this port now, and would not any more once our sites are read at the place
 * of `path`: where no site is marked as the default, nginx takes the first it reads. Null: none.
 */
export function findLostDefault(dump: string, path: string, port: number): string | null {
  const servers = readServers(dump, path);
  for (const isOnPort of [isAnyIpv4(port), isAnyIpv6(port)]) {
    const there = servers.filter(({ listens }) => listens.some(({ address }) => isOnPort(address)));
    const isMarked = there.some(({ listens }) => listens.some(({ address, isDefault }) => isDefault && isOnPort(address)));
    const [first] = there;
    if (first && !isMarked && first.isAfter) return first.file;
  }
  return null;
}

/**
 * The group of nginx's workers, by name: of the directive `user` in this text, or else of what `nginx -V` says that it was built with.
 * http://nginx.org/en/docs/ngx_core_module.html#user
 */
export function findWorkerGroup(dump: string, build: string): string {
  for (const { text } of splitDump(dump)) {
    let depth = 0;
    for (const { words, end } of statements(text)) {
      if (end === '{') depth += 1;
      else if (end === '}') depth -= 1;
      else if (depth === 0 && words[0] === 'user' && words[1] !== undefined) return words[2] ?? words[1];
    }
  }
  const built = (name: string) => new RegExp(`--${name}=(\\S+)`).exec(build)?.[1];
  return built('group') ?? built('user') ?? 'nogroup';
}

const isAnyIpv4 = (port: number) => (address: string) =>
  [`${port}`, `*:${port}`, `0.0.0.0:${port}`, ...(port === 80 ? ['', '*', '0.0.0.0'] : [])].includes(address);
const isAnyIpv6 = (port: number) => (address: string) => address === `[::]:${port}` || (port === 80 && address === '[::]');

/** In the order in which nginx reads them. */
function readServers(dump: string, path: string): Server[] {
  const files = splitDump(dump);
  const place = files.findIndex((file) => file.path === path);
  const servers: Server[] = [];
  // A file is printed before those that it includes; what it says itself after them is read after them.
  const late: Server[] = [];
  for (const [index, file] of files.entries()) {
    let server: Server | null = null;
    let depth = 0;
    let hasIncluded = false;
    for (const { words, end } of statements(file.text)) {
      if (end === '{') {
        depth += 1;
        if (words[0] === 'server' && words.length === 1) {
          server = { file: file.path, listens: [], isAfter: index > place || hasIncluded };
          (hasIncluded ? late : servers).push(server);
          depth = 0;
        }
      } else if (end === '}') {
        if (depth === 0) server = null;
        else depth -= 1;
      } else if (server !== null && depth === 0 && words[0] === 'listen' && !words.includes('quic')) {
        const [, address = '', ...options] = words;
        server.listens.push({ address, isDefault: options.includes('default_server') || options.includes('default') });
      } else if (server === null && words[0] === 'include') hasIncluded = true;
    }
  }
  const all = [...servers, ...late];
  for (const { listens } of all) if (listens.length === 0) listens.push({ address: '', isDefault: false });
  return all;
}

function splitDump(dump: string): { path: string; text: string }[] {
  const parts = dump.split(/^# configuration file (.+):$/m);
  return parts.flatMap((path, index) => (index % 2 === 1 ? [{ path, text: parts[index + 1] ?? '' }] : []));
}

const TOKEN = /\s+|#[^\n]*|"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|[{};]|(?:\\[\s\S]|\$\{|[^\s{};\\])+/g;

/** Directives as words, each with what ends it. What is in a block of Lua reads as nonsense and has no `listen` in a `server`. */
function* statements(text: string): Generator<{ words: string[]; end: ';' | '{' | '}' }> {
  let words: string[] = [];
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === ';' || token === '{' || token === '}') {
      yield { words, end: token };
      words = [];
    } else if (/\S/.test(token) && !token.startsWith('#')) words.push(token.replace(/^(["'])([\s\S]*)\1$/, '$2'));
  }
}

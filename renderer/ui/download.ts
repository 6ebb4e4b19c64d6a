/** So long a browser may take to begin with what it was given. */
const KEEP_MS = 60_000;

/** Gives the operator a file. The shell's browser asks where to, or puts it where downloads go. */
export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEEP_MS);
}

/** `audit-web-1-2026-11-28.csv`: what a host gave on a day, by this machine's calendar. */
export function fileName(what: string, host: string, extension: string, now_ms: number): string {
  const date = new Date(now_ms);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const place = host.toLowerCase().replace(/[^a-z0-9.-]+/g, '-');
  return `${what}-${place}-${day}.${extension}`;
}

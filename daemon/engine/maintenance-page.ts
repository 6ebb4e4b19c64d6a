import type { Maintenance } from './state.ts';

/** The page that visitors get with status 503, whole: it needs nothing from the app. Pure. */
export function maintenancePage({ message }: Maintenance): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Down for maintenance</title>
<style>
:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
body { display: grid; place-items: center; min-height: 100vh; margin: 0; }
main { max-width: 32rem; padding: 2rem; text-align: center; }
p { white-space: pre-line; }
</style>
</head>
<body><main><h1>Down for maintenance</h1><p>${escapeHtml(message)}</p></main></body>
</html>
`;
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

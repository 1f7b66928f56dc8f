// The pages that work without script: a refusal, and a way to the page from where the login was.

import type { DeviceTls } from '../../shared/services/device-tls.ts';
import type { DeviceConfig } from '../../shared/services/services.ts';

function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${escapeHtml(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/page.css">
</head>
<body class="plain">
<main class="plain-card">
${body}
</main>
</body>
</html>
`;
}

const MARK = '<img class="plain-mark" src="/assets/icon.svg" alt="" width="40" height="40">';

export function oldLoginPage(config: Pick<DeviceConfig, 'hostname'>): string {
  return page(
    `Log in: ${config.hostname}`,
    `${MARK}
<h1>${escapeHtml(config.hostname)}</h1>
<p class="plain-hint"><a href="/">Go to the status page</a></p>`,
  );
}

/** For whoever comes in clear. `host` is what he calls the device, `port` where TLS is spoken. */
export function tlsPage(hostname: string, { port }: DeviceTls, host: string): string {
  const name = /^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])$/i.test(host) ? host : `${hostname}.local`;
  const url = escapeHtml(`https://${name}${port === 443 ? '' : `:${port}`}/`);
  return page(
    `${hostname}: by HTTPS`,
    `${MARK}
<h1>${escapeHtml(hostname)}</h1>
<p>This page is spoken to by HTTPS: <a href="${url}">${url}</a></p>
<p class="plain-hint"><code>tsk open</code> opens it without a warning. So does the browser itself once it knows the
authority of this device (<code>tsk key ca</code>). Otherwise it warns: compare the SHA-256 fingerprint that it shows with that of
<code>tsk status</code>, and not with one that came in clear, as this page has.</p>`,
  );
}

export function refusalPage(status: number, message: string): string {
  return page(
    message,
    `${MARK}
<h1>${escapeHtml(message)}</h1>
<p class="plain-hint">Error ${status}. <a href="/">Go to the status page</a></p>`,
  );
}

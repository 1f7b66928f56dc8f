// The two pages that work without script: the login and the refusal.

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

export function loginPage(config: Pick<DeviceConfig, 'hostname'>, problem?: string): string {
  const alert =
    problem === undefined
      ? ''
      : `<p class="plain-problem" id="problem" role="alert">${escapeHtml(problem)}</p>`;
  const describedBy = problem === undefined ? '' : ' aria-invalid="true" aria-describedby="problem"';
  return page(
    `Log in: ${config.hostname}`,
    `${MARK}
<h1>${escapeHtml(config.hostname)}</h1>
<form method="post" action="/login">
<input type="text" name="username" value="tskrazy" autocomplete="username" hidden>
<label for="password">Password</label>
<input type="password" id="password" name="password" autocomplete="current-password" maxlength="512" required autofocus${describedBy}>
${alert}
<button type="submit" class="button primary">Log in</button>
</form>
<p class="plain-hint">It is kept with the instance, in the file <code>.tskrazy/password</code>.</p>`,
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

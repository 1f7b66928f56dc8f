// The status page of a running device in Chromium, in clear and over TLS: how much is loaded, and how soon something is to be
// seen.

import { chromium, type Browser, type BrowserContext } from 'playwright-core';
import { SESSION_STORED_AS } from '../src/shared/api/web-api.ts';
import { findTool } from '../test/support/require-tool.ts';
import { type Figures, median, say } from './figures.ts';

export interface PagePlace {
  url: string;
  /** Whose certificate it is does not matter to the time that it takes. */
  tlsUrl: string;
  password: string;
}

export async function measurePage({ url, tlsUrl, password }: PagePlace, runs: number): Promise<Figures> {
  const executablePath = findTool('chromium');
  if (executablePath === undefined) {
    say('"chromium" is not installed: the page is left out');
    return {};
  }
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const clear: Visit[] = [];
    const tls: Visit[] = [];
    // In turn, so that whatever else this computer does meets both.
    for (let run = 0; run < runs; run++) {
      clear.push(await visit(browser, url, password));
      tls.push(await visit(browser, tlsUrl, password));
    }
    return {
      pageGzipBytes: median(clear.map(({ bytes }) => bytes)),
      pageFirstPaintMs: median(clear.map(({ firstPaintMs }) => firstPaintMs)),
      pageShownMs: median(clear.map(({ shownMs }) => shownMs)),
      pageTlsFirstPaintMs: median(tls.map(({ firstPaintMs }) => firstPaintMs)),
      pageTlsShownMs: median(tls.map(({ shownMs }) => shownMs)),
    };
  } finally {
    await browser.close();
  }
}

interface Visit {
  /** Bodies as they came over the wire. */
  bytes: number;
  firstPaintMs: number;
  /** Until the list of services is there. */
  shownMs: number;
}

/** Logged in by itself, and with nothing in the browser's cache. */
async function visit(browser: Browser, url: string, password: string): Promise<Visit> {
  const token = await logIn(browser, url, password);
  const context = await openContext(browser);
  // What a tab keeps is not among what Playwright carries over.
  await context.addInitScript(
    `sessionStorage.setItem(${JSON.stringify(SESSION_STORED_AS)}, ${JSON.stringify(token)})`,
  );
  const page = await context.newPage();
  const sizes: Promise<number>[] = [];
  page.on('requestfinished', (request) => {
    // The live events never finish.
    if (!request.url().includes('/api/')) {
      sizes.push(request.sizes().then(({ responseBodySize }) => responseBodySize));
    }
  });
  const started = performance.now();
  await page.goto(url);
  await page.waitForSelector('.service');
  const shownMs = performance.now() - started;
  const firstPaintMs = await page.evaluate(
    `performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN`,
  );
  const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  await context.close();
  return { bytes, firstPaintMs: Number(firstPaintMs), shownMs };
}

function openContext(browser: Browser): Promise<BrowserContext> {
  return browser.newContext({ ignoreHTTPSErrors: true });
}

async function logIn(browser: Browser, url: string, password: string): Promise<string> {
  const context = await openContext(browser);
  const page = await context.newPage();
  await page.goto(url);
  await page.fill('#password', password);
  await page.press('#password', 'Enter');
  await page.waitForSelector('.service');
  const token = await page.evaluate<string | null>(
    `sessionStorage.getItem(${JSON.stringify(SESSION_STORED_AS)})`,
  );
  await context.close();
  if (token === null) throw new Error(`The page at ${url} keeps no login`);
  return token;
}

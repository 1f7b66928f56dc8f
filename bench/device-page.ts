// The status page of a running device in Chromium: how much is loaded, and how soon something is to be seen.

import { chromium, type Browser } from 'playwright-core';
import { findTool } from '../test/support/require-tool.ts';
import { type Figures, median, say } from './figures.ts';

export async function measurePage(url: string, password: string, runs: number): Promise<Figures> {
  const executablePath = findTool('chromium');
  if (executablePath === undefined) {
    say('"chromium" is not installed: the page is left out');
    return {};
  }
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const visits: Visit[] = [];
    for (let run = 0; run < runs; run++) visits.push(await visit(browser, url, password));
    return {
      pageGzipBytes: median(visits.map(({ bytes }) => bytes)),
      pageFirstPaintMs: median(visits.map(({ firstPaintMs }) => firstPaintMs)),
      pageShownMs: median(visits.map(({ shownMs }) => shownMs)),
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

/** With nothing in the browser's cache. */
async function visit(browser: Browser, url: string, password: string): Promise<Visit> {
  const login = await browser.newContext();
  const loginPage = await login.newPage();
  await loginPage.goto(url);
  await loginPage.fill('#password', password);
  await loginPage.press('#password', 'Enter');
  await loginPage.waitForSelector('.service');
  const context = await browser.newContext({ storageState: await login.storageState() });
  await login.close();
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

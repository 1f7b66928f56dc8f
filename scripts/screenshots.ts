// Takes the pictures of the status page that the documents show, from the example device of its tests:
// `node scripts/screenshots.ts [DIRECTORY]`. Takes two minutes, because the charts want a past.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { chromium, type Browser, type Page } from 'playwright-core';
import { packageRoot } from '../src/host/package-root.ts';
import { findTool } from '../test/support/require-tool.ts';
import { WEB_API } from '../src/shared/api/web-api.ts';
import { exampleHistory, examplePorts } from '../test/support/web/fake-device.ts';
import { MIB, newImage, OLD } from '../test/support/updates/update-device.ts';
import { UpdateTarget } from '../test/support/updates/update-target.ts';
import { bundledAssets } from '../test/support/web/web-assets.ts';
import { TEST_PASSWORD, startWebDevice } from '../test/support/web/web-device.ts';

const HISTORY_MS = 110_000;
/** Of the other views one of each is enough. */
const OTHER_VIEWS = new Set(['desktop-dark', 'phone-light']);
const SCHEMES = ['light', 'dark'] as const;
const SIZES = { desktop: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } } as const;

async function open(
  browser: Browser,
  url: string,
  size: keyof typeof SIZES,
  colorScheme: (typeof SCHEMES)[number],
): Promise<Page> {
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme,
    hasTouch: size === 'phone',
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
  });
  const page = await context.newPage();
  await page.route(`**${WEB_API.ports}`, (route) => route.fulfill({ json: examplePorts() }));
  await page.goto(url);
  await page.fill('#password', TEST_PASSWORD);
  await page.press('#password', 'Enter');
  await page.waitForSelector('.service');
  return page;
}

const executablePath = findTool('chromium');
if (executablePath === undefined) throw new Error('Cannot take screenshots: "chromium" is not installed');
const directory = process.argv[2] ?? join(packageRoot().directory, 'docs/images');
await mkdir(directory, { recursive: true });
const target = await UpdateTarget.create(OLD, 4 * MIB, { other: newImage() });
const device = await startWebDevice({
  lively: true,
  assets: await bundledAssets(),
  tls: {},
  updates: { openDisk: (use) => target.openDisk(use) },
  update: { history: exampleHistory() },
});
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
try {
  const sizes = Object.keys(SIZES) as (keyof typeof SIZES)[];
  const views = sizes.flatMap((size) => SCHEMES.map((scheme) => ({ size, scheme })));
  const pages = await Promise.all(
    views.map(async ({ size, scheme }) => ({
      name: `${size}-${scheme}`,
      page: await open(browser, device.url, size, scheme),
    })),
  );
  await sleep(HISTORY_MS);
  for (const { name, page } of pages) {
    await page.bringToFront();
    await page.screenshot({ path: join(directory, `status-${name}.png`) });
    if (!OTHER_VIEWS.has(name)) continue;
    await page.locator('.service').getByRole('link', { name: 'irrigation' }).click();
    await page.waitForSelector('.log-line');
    await sleep(1_000);
    await page.screenshot({ path: join(directory, `log-${name}.png`) });
    await page.goto(`${device.url}/#/updates`);
    await page.getByRole('region', { name: 'History' }).waitFor();
    await page.screenshot({ path: join(directory, `updates-${name}.png`) });
  }
} finally {
  await browser.close();
  await device.close();
  target.remove();
}

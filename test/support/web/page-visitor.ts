// The page in Chromium, over the real server and a FakeInit. What the browser complains about is kept: that is also how it
// reports breaches of the page's CSP.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';

import { chromium, type Browser, type Page } from 'playwright-core';
import type { AssetTable } from '../../../src/device/web/assets.ts';
import { findTool } from '../require-tool.ts';
import { bundledAssets } from './web-assets.ts';
import { TEST_PASSWORD, startWebDevice, type WebDevice, type WebDeviceOptions } from './web-device.ts';

export const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  // Names as in a network: on loopback a browser trusts more, and says more of itself.
  '--host-resolver-rules=MAP garden 127.0.0.1, MAP garden.local 127.0.0.1, MAP evil.example 127.0.0.1',
];
const executablePath = findTool('chromium');
/** For a suite's options. */
export const skipWithoutChromium =
  executablePath === undefined && process.env['REQUIRE_TOOLS'] !== '1'
    ? '"chromium" is not installed'
    : false;

export interface Visit {
  device: WebDevice;
  page: Page;
  /** What the browser complained about so far. */
  complaints: string[];
}

export class PageVisitor {
  readonly #browser: Browser;
  readonly assets: AssetTable;

  private constructor(browser: Browser, assets: AssetTable) {
    this.#browser = browser;
    this.assets = assets;
  }

  static async launch(): Promise<PageVisitor> {
    assert.ok(executablePath, 'The test needs "chromium", which is not installed');
    const [browser, assets] = await Promise.all([
      chromium.launch({ executablePath, args: CHROMIUM_ARGS }),
      bundledAssets(),
    ]);
    return new PageVisitor(browser, assets);
  }

  close(): Promise<void> {
    return this.#browser.close();
  }

  async visit(t: TestContext, options: WebDeviceOptions = {}): Promise<Visit> {
    const device = await startWebDevice({ assets: this.assets, ...options });
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 800 },
      locale: 'en-GB',
    });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    t.after(async () => {
      await context.close();
      await device.close();
    });
    return { device, page, complaints };
  }
}

/** `url`: another one than that of loopback. */
export async function logIn({ device, page }: Visit, url = device.url): Promise<void> {
  await page.goto(url);
  await page.fill('#password', TEST_PASSWORD);
  await page.press('#password', 'Enter');
  await page.waitForSelector('.service');
}

/** Pixels by which the page is wider than its window. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
}

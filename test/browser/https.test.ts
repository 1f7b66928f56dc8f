// The page over HTTPS as a person sees it who has imported the authority of the instance once: Chromium, with the
// certificate that "tsk key ca" writes among those that the user trusts, and without it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';

import { type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';
import { CommandLine } from '../support/cli/command-line.ts';
import { makeRoot, writeInstance } from '../support/cli/instances.ts';
import { findTool, requireTool } from '../support/require-tool.ts';
import { CHROMIUM_ARGS, skipWithoutChromium } from '../support/web/page-visitor.ts';
import { bundledAssets } from '../support/web/web-assets.ts';
import { startWebDevice, TEST_PASSWORD } from '../support/web/web-device.ts';

interface SecurityState {
  securityState: string;
  securityStateIssueIds: string[];
  certificateSecurityState?: { protocol: string; subjectName: string; issuer: string };
}

/** What the browser's address bar says of the connection. */
async function securityOf(page: Page): Promise<SecurityState> {
  const session: CDPSession = await page.context().newCDPSession(page);
  const told = new Promise<SecurityState>((resolve) =>
    session.on('Security.visibleSecurityStateChanged', ({ visibleSecurityState }) => {
      resolve(visibleSecurityState);
    }),
  );
  await session.send('Security.enable');
  const state = await told;
  await session.detach();
  return state;
}

/** A browser of somebody who has imported these certificates, and no others. */
async function openBrowser(t: TestContext, certificates: readonly string[]): Promise<BrowserContext> {
  const home = makeRoot('browser-home');
  const database = join(home, '.pki', 'nssdb');
  mkdirSync(database, { recursive: true });
  const certutil = (...args: string[]): void => {
    execFileSync('certutil', ['-d', `sql:${database}`, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  certutil('-N', '--empty-password');
  for (const [index, file] of certificates.entries())
    certutil('-A', '-n', `authority ${index}`, '-t', 'C,,', '-i', file);
  const context = await chromium.launchPersistentContext(join(home, 'profile'), {
    executablePath: findTool('chromium') ?? '',
    args: CHROMIUM_ARGS,
    env: { ...process.env, HOME: home },
    viewport: { width: 1280, height: 860 },
    locale: 'en-GB',
  });
  t.after(() => context.close());
  return context;
}

suite('the page over HTTPS', { skip: skipWithoutChromium }, () => {
  test('is shown without a warning once the authority is imported, and with one before', async (t) => {
    if (!requireTool(t, 'certutil')) return;
    const directory = writeInstance(makeRoot('https-page'), 'pc-amd64');
    const authority = join(directory, 'garden.crt');
    await new CommandLine(directory).succeeds('key', 'ca', authority);
    const device = await startWebDevice({
      assets: await bundledAssets(),
      tls: {},
      // As the build puts it into the image.
      identityPath: join(directory, '.tskrazy', 'identity.pem'),
    });
    t.after(() => device.close());
    assert.ok(device.tls);
    const urls = ['garden.local', 'garden'].map((host) => `https://${host}:${device.tls?.port}/`);

    const stranger = (await openBrowser(t, [])).pages()[0]!;
    for (const url of urls) await assert.rejects(stranger.goto(url), /ERR_CERT_AUTHORITY_INVALID/);

    const page = (await openBrowser(t, [authority])).pages()[0]!;
    for (const url of urls) {
      await page.goto(url);
      await page.fill('#password', TEST_PASSWORD);
      await page.press('#password', 'Enter');
      await page.waitForSelector('.service');
      const { securityState, securityStateIssueIds, certificateSecurityState } = await securityOf(page);
      assert.deepEqual([securityState, securityStateIssueIds], ['secure', []]);
      assert.equal(certificateSecurityState?.protocol, 'TLS 1.3');
      assert.equal(await page.evaluate<boolean>('isSecureContext'), true);
    }
  });
});

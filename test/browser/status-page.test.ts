// The page in Chromium, over the real server and a FakeInit: log in, watch a live log, restart a service.
// A message on the console fails a test: that is also how the browser reports breaches of the page's CSP.

import assert from 'node:assert/strict';
import { after, before, suite, test, type TestContext } from 'node:test';

import {
  logIn,
  overflowOf,
  PageVisitor,
  skipWithoutChromium,
  type Visit,
} from '../support/web/page-visitor.ts';
import { startWebDevice, type WebDeviceOptions } from '../support/web/web-device.ts';

suite('status page', { skip: skipWithoutChromium }, () => {
  let visitor: PageVisitor;
  before(async () => {
    visitor = await PageVisitor.launch();
  });
  after(() => visitor.close());
  const visit = (t: TestContext, options?: WebDeviceOptions): Promise<Visit> => visitor.visit(t, options);

  test('logs in after a wrong password, watches a log and restarts the service', async (t) => {
    const visited = await visit(t);
    const { device, page, complaints } = visited;
    await page.goto(device.url);
    await page.getByRole('heading', { name: 'garden' }).waitFor();
    assert.equal(await page.title(), 'Log in: garden');
    await page.fill('#password', 'wrong');
    await page.press('#password', 'Enter');
    await page.getByRole('alert').getByText('The password is wrong').waitFor();
    // Chromium reports the status of the answer; that is none of ours.
    assert.match(complaints.splice(0).join('\n'), /^Failed to load resource: .*401/);
    await logIn(visited);

    await page.getByRole('link', { name: 'irrigation' }).click();
    const log = page.getByRole('log');
    device.init.log('irrigation', 'pump \u001B[31mstarts\u001B[0m now');
    await log.getByText('pump starts now').waitFor();
    assert.equal(await log.locator('.ansi-red').last().textContent(), 'starts');

    await page.getByRole('button', { name: 'Restart irrigation' }).click();
    await log.getByText('started, process 5002').waitFor();
    await page.getByText('2 starts since boot').waitFor();
    await page.getByRole('link', { name: 'Back to garden' }).click();
    await page.locator('.service', { hasText: 'irrigation' }).getByText('Running').waitFor();
    assert.deepEqual(device.init.acts, ['restart irrigation']);
    assert.deepEqual(complaints, []);
  });

  test('leads to what a log said before the last reboot', async (t) => {
    const visited = await visit(t);
    const { device, page, complaints } = visited;
    const end = { atMs: Date.UTC(2026, 2, 1, 15), how: 'restart: asked for by the control API' };
    const boot = { id: 'x', buildId: 'b', slot: 'a' as const, bootedAtMs: Date.UTC(2026, 2, 1, 14), end };
    device.init.boots = [
      { ...boot, boot: 0, logs: ['irrigation', 'backup'] },
      { ...boot, boot: -1, logs: ['irrigation'] },
    ];
    device.init.earlierLogs.set('irrigation', [
      { seq: 0, timeMs: boot.bootedAtMs, stream: 'stdout', text: 'the day before' },
    ]);
    await logIn(visited);
    await page.getByRole('link', { name: 'irrigation' }).click();
    const earlier = page.getByText('Earlier starts of the device:').getByRole('link');
    const [opened] = await Promise.all([page.waitForEvent('popup'), earlier.click()]);
    await opened.getByText('the day before').waitFor();
    await page.goto(`${device.url}/#/logs/backup`);
    await page.getByRole('log', { name: 'Lines of backup' }).waitFor();
    assert.equal(await page.getByText('Earlier starts').count(), 0);
    assert.deepEqual(complaints, []);
  });

  test('pauses and filters a log, and marks what was left out', async (t) => {
    const visited = await visit(t);
    const { device, page, complaints } = visited;
    await logIn(visited);
    await page.goto(`${device.url}/#/logs/backup`);
    const log = page.getByRole('log');
    for (let count = 0; count < 50; count++) device.init.log('backup', `file ${count} saved`);
    await log.getByText('file 49 saved').waitFor();

    await page.keyboard.press('/');
    await page.keyboard.type('FILE 7');
    await page
      .getByRole('status')
      .getByText(/^1 of \d+$/)
      .waitFor();
    assert.equal(await log.locator('.log-line').count(), 1);
    await page.getByRole('searchbox').fill('');

    await page.getByRole('button', { name: 'Pause' }).click();
    device.init.log('backup', 'while paused');
    await page.getByText('Paused, 1 new').waitFor();
    assert.equal(await log.getByText('while paused').count(), 0);
    await page.getByRole('button', { name: 'Resume' }).click();
    await log.getByText('while paused').waitFor();

    for (let count = 0; count < 6000; count++) device.init.log('backup', `flood ${count}`);
    await log.getByText('flood 5999').waitFor();
    await log
      .getByText(/lines came too fast and were left out/)
      .first()
      .waitFor();
    assert.ok((await log.locator('.log-line').count()) <= 3000);
    assert.deepEqual(complaints, []);
  });

  test('can be used by keyboard alone, and asks before it powers off', async (t) => {
    const visited = await visit(t);
    const { device, page, complaints } = visited;
    await logIn(visited);
    const focus = async (name: string) => {
      for (let count = 0; count < 60; count++) {
        if ((await page.evaluate<string>('document.activeElement.textContent.trim()')) === name) return;
        await page.keyboard.press('Tab');
      }
      assert.fail(`The Tab key does not reach "${name}"`);
    };
    await focus('Power off');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Power garden off?').waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    assert.deepEqual(device.init.acts, []);

    await focus('Reboot');
    await page.keyboard.press('Enter');
    await dialog.getByRole('button', { name: 'Reboot' }).press('Enter');
    await page.getByText('garden starts again').waitFor();
    assert.deepEqual(device.init.acts, ['reboot']);
    assert.deepEqual(complaints, []);
  });

  test('says when the device is away, comes back by itself and wants a new login', async (t) => {
    const visited = await visit(t);
    const { device, page } = visited;
    await logIn(visited);
    await device.server.close();
    await page.getByText('garden does not answer').waitFor();
    const again = await startWebDevice({ assets: visitor.assets, port: device.port });
    t.after(() => again.close());
    await page.getByLabel('Password').waitFor();
  });

  test('shows a device without a password, and no buttons', async (t) => {
    const { device, page, complaints } = await visit(t, { password: null });
    await page.goto(device.url);
    await page.getByText('This device has no password').waitFor();
    await page.getByRole('link', { name: 'irrigation' }).waitFor();
    assert.equal(await page.getByRole('button').count(), 0);
    assert.deepEqual(complaints, []);
  });

  for (const width of [390, 1280])
    test(`fits a window of ${width} pixels`, async (t) => {
      const visited = await visit(t);
      const { page, device } = visited;
      await page.setViewportSize({ width, height: 800 });
      await logIn(visited);
      for (const hash of ['#', '#/logs/irrigation', '#/logs/kernel']) {
        await page.goto(`${device.url}/${hash}`);
        await page.locator('h1').first().waitFor();
        assert.equal(await overflowOf(page), 0, hash);
      }
    });
});

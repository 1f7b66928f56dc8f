// Who is logged in, in Chromium: what other origins see of it (nothing), and what becomes of it in tabs, addresses and
// downloads. The device goes by names here, too, as in a network: there a browser says less of itself than on loopback.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, suite, test, type TestContext } from 'node:test';

import type { Page } from 'playwright-core';
import { writeRedirect } from '../../src/host/cli/start-browser.ts';
import { logIn, PageVisitor, skipWithoutChromium, type Visit } from '../support/web/page-visitor.ts';
import { startWebDevice, TEST_PASSWORD } from '../support/web/web-device.ts';

/** An app of the device, with a page. It writes down whatever it is sent. */
async function startApp(t: TestContext): Promise<{ port: number; received: string[] }> {
  const received: string[] = [];
  const server = http.createServer((request, response) => {
    received.push(`${request.method} ${request.url}\n${request.rawHeaders.join('\n')}`);
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<h1>An app</h1>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, received };
}

function tokenOf(page: Page): Promise<string | null> {
  return page.evaluate<string | null>(`sessionStorage.getItem('tskrazy-session')`);
}

suite('login of the status page', { skip: skipWithoutChromium }, () => {
  let visitor: PageVisitor;
  before(async () => {
    visitor = await PageVisitor.launch();
  });
  after(() => visitor.close());
  const visit = (t: TestContext): Promise<Visit> => visitor.visit(t);

  for (const host of ['127.0.0.1', 'garden'])
    test(`is not sent to an app on another port of ${host}, nor to be had by its page`, async (t) => {
      const visited = await visit(t);
      const { device, page } = visited;
      const { port, received } = await startApp(t);
      await logIn(visited, `http://${host}:${device.port}`);
      const token = await tokenOf(page);
      assert.match(token ?? '', /^[\w-]{43}$/);

      const app = await page.context().newPage();
      await app.goto(`http://${host}:${port}/page`);
      await app.getByRole('heading', { name: 'An app' }).waitFor();
      const stolen = await app.evaluate<string>(`(async () => {
        const channel = new BroadcastChannel('tskrazy-session');
        const heard = [];
        channel.onmessage = ({ data }) => heard.push(data);
        channel.postMessage({ type: 'ask' });
        const device = 'http://${host}:${device.port}';
        const answers = [];
        for (const [path, method] of [['/api/v1/status', 'GET'], ['/api/v1/services/irrigation/stop', 'POST']])
          for (const mode of ['cors', 'no-cors'])
            await fetch(device + path, { method, mode, credentials: 'include' })
              .then(async (answer) => answers.push(await answer.text()), () => {});
        await fetch('/own', { credentials: 'include' });
        return JSON.stringify([document.cookie, sessionStorage.length, localStorage.length, heard, answers.join('')]);
      })()`);
      assert.deepEqual(JSON.parse(stolen), ['', 0, 0, [], '']);
      assert.deepEqual(device.init.acts, []);

      // The page itself may be led there, by a link in a log, say.
      await page.goto(`http://${host}:${port}/from-the-page`);
      assert.equal(received.filter((each) => each.startsWith('GET /page\n')).length, 1);
      assert.equal(received.filter((each) => each.startsWith('GET /from-the-page\n')).length, 1);
      for (const each of received) {
        assert.doesNotMatch(each, /^(?:cookie|authorization|proxy-authorization)$/im);
        assert.ok(!each.includes(token ?? ''));
      }
      assert.deepEqual(await page.context().cookies(), []);
    });

  test('is asked for nothing by the browser itself, and by no page that made its name lead here', async (t) => {
    const visited = await visit(t);
    const { device, page, complaints } = visited;
    await page.goto(`http://garden:${device.port}/api/v1/status`);
    await page.getByText('not-logged-in').waitFor();
    complaints.length = 0;
    await logIn(visited, `http://garden.local:${device.port}`);
    // A header that means something over TLS only.
    assert.deepEqual(
      complaints.filter((each) => !each.startsWith('The Cross-Origin-Opener-Policy header')),
      [],
    );
    const rebound = await page.goto(`http://evil.example:${device.port}/`);
    assert.equal(rebound?.status(), 421);
    await page.getByText('add it to "web.hosts" in tskrazy.json').first().waitFor();
  });

  test('does not come from a password that the browser keeps for the address', async (t) => {
    const { page } = await visit(t);
    // Somebody who asked by a challenge, as another program at this address did once.
    const challenger = http.createServer(({ headers }, response) => {
      if (headers.authorization !== undefined) response.end('welcome');
      else response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end();
    });
    challenger.listen(0, '127.0.0.1');
    await once(challenger, 'listening');
    const { port } = challenger.address() as AddressInfo;
    await page.goto(`http://x:${TEST_PASSWORD}@127.0.0.1:${port}/`);
    await page.getByText('welcome').waitFor();
    challenger.closeAllConnections();
    await new Promise((resolve) => challenger.close(resolve));
    const device = await startWebDevice({ port, assets: visitor.assets });
    t.after(() => device.close());
    await page.goto(device.url);
    const kept = "fetch('/api/v1/status').then(({ status }) => status)";
    await page.waitForSelector('#password');
    assert.equal(await page.evaluate(kept), 200, 'the browser sends it along where it may');
    await page.reload();
    await page.waitForSelector('#password');
    assert.equal(await tokenOf(page), null);
  });

  test('comes with the file by which tsk opens a browser', async (t) => {
    const { device, page } = await visit(t);
    const directory = await mkdtemp(join(tmpdir(), 'tsk-open-'));
    t.after(() => rm(directory, { recursive: true }));
    const url = `${device.url}/?x=1`;
    await page.goto(pathToFileURL(await writeRedirect(directory, url)).href);
    await page.waitForURL(url);
    await page.waitForSelector('#password');
  });

  test('is kept by a reload, given to another tab, and ended in all of them', async (t) => {
    const visited = await visit(t);
    const { device, page, complaints } = visited;
    await logIn(visited);
    await page.reload();
    await page.waitForSelector('.service');

    const second = await page.context().newPage();
    await second.goto(`${device.url}/#/logs/irrigation`);
    await second.getByRole('log', { name: 'Lines of irrigation' }).waitFor();
    assert.equal(await tokenOf(second), await tokenOf(page));

    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Password').waitFor();
    await second.getByLabel('Password').waitFor();
    assert.deepEqual([await tokenOf(page), await tokenOf(second)], [null, null]);
    assert.equal(device.server.context.auth.sessions.size, 0);

    // One login is enough for both, and each goes on where it was. Whoever types is in the right place.
    await page.bringToFront();
    await page.keyboard.type(TEST_PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.service');
    await second.getByRole('log', { name: 'Lines of irrigation' }).waitFor();
    assert.equal(device.server.context.auth.sessions.size, 1);
    assert.deepEqual(complaints, []);
  });

  test('comes before a deep link, which stays, and is no step of the way back', async (t) => {
    const { device, page, complaints } = await visit(t);
    await page.goto(`${device.url}/#/logs/backup`);
    await page.fill('#password', TEST_PASSWORD);
    await page.press('#password', 'Enter');
    await page.getByRole('log', { name: 'Lines of backup' }).waitFor();
    await page.getByRole('link', { name: 'Back to garden' }).click();
    await page.waitForSelector('.service');
    await page.goBack();
    await page.getByRole('log', { name: 'Lines of backup' }).waitFor();
    await page.goForward();
    await page.waitForSelector('.service');
    assert.deepEqual(complaints, []);
  });

  test('downloads a log without an address that one could pass on', async (t) => {
    const visited = await visit(t);
    const { device, page, complaints } = visited;
    await logIn(visited);
    device.init.log('backup', 'one line');
    await page.goto(`${device.url}/#/logs/backup`);
    const button = page.getByRole('button', { name: 'Download the log of backup' });
    const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
    assert.equal(download.suggestedFilename(), 'backup.log');
    assert.match(download.url(), /^blob:/);
    assert.match(await readFile(await download.path(), 'utf8'), / one line\n$/);
    assert.deepEqual(complaints, []);
  });

  test('a live log goes on over lost connections, each line once', async (t) => {
    const visited = await visit(t);
    const { device, page } = visited;
    await logIn(visited);
    await page.goto(`${device.url}/#/logs/backup`);
    const log = page.getByRole('log');
    for (const count of [1, 2, 3]) {
      device.init.log('backup', `before the cut ${count}`);
      await log.getByText(`before the cut ${count}`).waitFor();
      device.server.http.closeAllConnections();
      device.init.log('backup', `after the cut ${count}`);
      await log.getByText(`after the cut ${count}`).waitFor();
    }
    assert.equal(await log.getByText('the cut').count(), 6);
    assert.equal(await log.getByText('left out').count(), 0);
  });

  test('shows of a log what would hide or reorder', async (t) => {
    const visited = await visit(t);
    const { device, page } = visited;
    await logIn(visited);
    await page.goto(`${device.url}/#/logs/backup`);
    const log = page.getByRole('log');
    device.init.log('backup', String.raw`\x1b[31mred \x1b[8mconcealed\x1b[0m` + ' user\u202Egpj.exe');
    await log.getByText(String.raw`user\u202egpj.exe`).waitFor();
    assert.equal(await log.locator('.ansi-red').last().textContent(), 'red concealed');
    device.init.log('backup', JSON.stringify({ level: 30, msg: 'in JSON \u202E\u001B[8m' }));
    await log.getByText(String.raw`in JSON \u202e\x1b[8m`).waitFor();
    await page.getByRole('link', { name: 'Back to garden' }).click();
    await page.locator('.service', { hasText: String.raw`in JSON \u202e` }).waitFor();
  });
});

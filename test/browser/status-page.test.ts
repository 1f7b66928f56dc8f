// The page in Chromium, over the real server and a FakeInit: log in, watch a live log, restart a service.
// A message on the console fails a test: that is also how the browser reports breaches of the page's CSP.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, suite, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  logIn,
  overflowOf,
  PageVisitor,
  skipWithoutChromium,
  type Visit,
} from '../support/web/page-visitor.ts';
import { WEB_API } from '../../src/shared/api/web-api.ts';
import { BREAKGLASS_PATHS, TERMINAL_KEY_STORED_AS } from '../../src/shared/breakglass/breakglass-api.ts';
import { examplePorts } from '../support/web/fake-device.ts';
import { startWebDevice, type WebDevice, type WebDeviceOptions } from '../support/web/web-device.ts';

const SESSION = {
  id: '0'.repeat(32),
  keyId: '0123456789abcdef',
  who: 'me@laptop',
  from: '192.168.1.7',
  toolboxSha256: '1'.repeat(64),
  lifetimeSec: 3600,
  staysOpen: true,
};

/** The shell that init would start at the terminal which web has made. */
async function shellOf(t: TestContext, { init }: WebDevice): Promise<ChildProcess> {
  for (;;) {
    const [name, body] = init.breakglass.acts.at(-1) ?? [];
    if (name === 'terminal') {
      const { number } = body as { number: number };
      const script = `exec <>/dev/pts/${number} >&0 2>&0; TERM=xterm PS1='garden:~# ' exec sh -i`;
      const shell = spawn('sh', ['-c', script], { detached: true, stdio: 'ignore' });
      t.after(() => shell.kill('SIGKILL'));
      return shell;
    }
    await sleep(20);
  }
}

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

  test('tells of a break-glass session, and closes it', async (t) => {
    const visited = await visit(t);
    const { device, page, complaints } = visited;
    device.init.breakglass.act('open', { ...SESSION, listen: true });
    await logIn(visited);
    const notice = page.locator('.notice', { hasText: 'A break-glass session is open.' });
    await notice.getByText('Opened by me@laptop from 192.168.1.7').waitFor();
    await notice.getByText('sshd listens on port 22.').waitFor();
    await notice.getByRole('button', { name: 'Close session' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Close', exact: true }).click();
    await notice.waitFor({ state: 'detached' });
    assert.deepEqual(device.init.breakglass.acts.at(-1)?.[0], 'close');
    assert.deepEqual(complaints, []);
  });

  test('has a terminal while a break-glass session is open, for the tab that was given its key', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'tsk-terminal-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const place = (path: string): string => join(directory, path);
    const visited = await visit(t, { breakglass: { place } });
    const { device, page, complaints } = visited;
    const { breakglass } = device.init;
    breakglass.act('open', { ...SESSION, listen: false });
    breakglass.act('start', { id: SESSION.id });
    mkdirSync(dirname(place(BREAKGLASS_PATHS.terminalKey)), { recursive: true });
    writeFileSync(place(BREAKGLASS_PATHS.terminalKey), 'the-key');
    await logIn(visited);
    const notice = page.locator('.notice', { hasText: 'A break-glass session is open.' });
    await notice.getByText('A terminal here takes "tsk ssh --browser".').waitFor();
    const assets: string[] = [];
    page.on('request', (request) => assets.push(new URL(request.url()).pathname));
    // As the relay of tsk leaves it.
    await page.evaluate(`sessionStorage.setItem('${TERMINAL_KEY_STORED_AS}', 'the-key')`);
    await page.reload();
    assert.ok(!assets.includes('/assets/terminal.js'));
    await notice.getByRole('button', { name: 'Open terminal' }).click();
    const shell = await shellOf(t, device);
    const terminal = page.getByRole('region', { name: 'Terminal' });
    await terminal.getByText('garden:~#').waitFor();
    await page.keyboard.type('echo $((6 * 7)) gr\u00fc\u00dfe; stty size; sleep 1000\n');
    await terminal.getByText('42 gr\u00fc\u00dfe').waitFor();
    await page.keyboard.press('Control+c');
    await terminal.getByText('garden:~#').nth(1).waitFor();
    const columns = async (): Promise<number> => {
      await page.keyboard.type('clear; stty size\n');
      const line = terminal.getByText(/^\d+ \d+$/);
      await line.waitFor();
      return Number((await line.textContent())?.split(' ')[1]);
    };
    const wide = await columns();
    await page.setViewportSize({ width: 700, height: 860 });
    while ((await columns()) >= wide);
    await page.keyboard.type('printf "\\033[31mred\\033[0m %s\\n" word\n');
    const red = terminal.locator('span', { hasText: /^red$/ });
    await red.waitFor();
    const colours = await page.evaluate<string[]>(
      `[...document.querySelectorAll('.xterm-rows span')].map((element) => getComputedStyle(element).color)`,
    );
    assert.ok(new Set(colours).size > 1, colours.join());
    const ended = once(shell, 'exit');
    await page.keyboard.type('exit\n');
    await terminal.getByText('This terminal has ended.').waitFor();
    await ended;
    assert.equal(await overflowOf(page), 0);
    await notice.getByRole('button', { name: 'Close terminal' }).click();
    await terminal.waitFor({ state: 'detached' });
    assert.deepEqual(complaints, []);
  });

  test('has no hole among its cards, whichever are there', async (t) => {
    const { device, page } = await visit(t, { tls: {} });
    let ports = examplePorts();
    await page.route(`**${WEB_API.ports}`, (route) => route.fulfill({ json: ports }));
    for (const isThere of [true, false]) {
      if (!isThere) ports = [];
      await logIn({ device, page, complaints: [] });
      if (isThere) await page.getByRole('region', { name: 'Ports' }).waitFor();
      for (const width of [1280, 800]) {
        await page.setViewportSize({ width, height: 860 });
        const ends = await page.evaluate<number[]>(
          `[...document.querySelectorAll('.column > :last-child')].map((card) => card.getBoundingClientRect().bottom)`,
        );
        assert.equal(ends.length, 2);
        assert.equal(new Set(ends.map(Math.round)).size, 1, `${isThere} ${width}: ${ends.join()}`);
      }
      await page.evaluate('sessionStorage.clear()');
      await page.reload();
    }
  });

  test('tells what the board tells, and nothing of what it does not', async (t) => {
    const visited = await visit(t);
    const { device, page } = visited;
    const never = { now: false, sinceStart: false };
    const now = { now: true, sinceStart: true };
    device.init.system.power = { underVoltage: now, throttled: never, softTemperatureLimit: never };
    await logIn(visited);
    const facts = page.getByRole('region', { name: 'Device' });
    for (const fact of [
      'revision c03115',
      '10000000abcdef01',
      'under-voltage now',
      /^SD card SC32G of 08\/2023, /,
    ])
      await facts.getByText(fact).waitFor();
    device.init.system.power = null;
    await facts.getByText('Power', { exact: true }).waitFor({ state: 'detached' });
    assert.equal(await facts.getByText('Fan').count(), 0);
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

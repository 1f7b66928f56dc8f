// The verbs that operate a device, as people and scripts call them, against a device's web server on this
// computer. What needs a real device is in test/boot/operate.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { suite, test, type TestContext } from 'node:test';
import type { LogLine } from '../../src/shared/services/services.ts';
import { TSK } from '../support/tsk-program.ts';
import { exampleHardware } from '../support/web/fake-device.ts';
import { startWebDevice, TEST_PASSWORD, type WebDevice } from '../support/web/web-device.ts';

class Garden {
  readonly device: WebDevice;
  readonly #directory: string;

  private constructor(device: WebDevice, directory: string) {
    this.device = device;
    this.#directory = directory;
  }

  static async start(t: TestContext): Promise<Garden> {
    const directory = mkdtempSync(join(tmpdir(), 'tsk-operate-'));
    const device = await startWebDevice();
    t.after(async () => {
      await device.close();
      rmSync(directory, { recursive: true, force: true });
    });
    const apps = { irrigation: { binary: './irrigation' }, backup: { binary: './backup' } };
    writeFileSync(
      join(directory, 'tskrazy.json'),
      JSON.stringify({ hostname: 'garden', board: 'pc-amd64', apps, web: { tls: 'off' } }),
    );
    mkdirSync(join(directory, '.tskrazy'));
    writeFileSync(join(directory, '.tskrazy', 'password'), `${TEST_PASSWORD}\n`);
    return new Garden(device, directory);
  }

  setNetworks(networks: readonly object[]): void {
    writeFileSync(join(this.#directory, '.tskrazy/wifi.json'), JSON.stringify({ networks }));
  }

  setSecret(app: string, name: string, content: string): void {
    const directory = join(this.#directory, '.tskrazy', 'secrets', app);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, name), content, { mode: 0o600 });
  }

  argv(args: readonly string[]): string[] {
    return [TSK, '-i', this.#directory, ...args];
  }

  /** Of a verb that talks to the device. */
  tsk(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return this.run([...args, '--host', this.device.url]);
  }

  run(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return new Promise((resolve) => {
      execFile(process.execPath, this.argv(args), (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  }
}

/** What a program writes, as it comes. */
class Watched {
  text = '';
  readonly #stream: Readable;

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => (this.text += String(chunk)));
  }

  async until(wanted: RegExp): Promise<void> {
    while (!wanted.test(this.text)) await once(this.#stream, 'data');
  }
}

void suite('operating a device', { concurrency: 2 }, () => {
  test('tsk open gives the page to one browser until Ctrl-C', async (t) => {
    const garden = await Garden.start(t);
    const argv = garden.argv(['open', '--no-browser', '--host', garden.device.url]);
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    const said = new Watched(child.stdout);
    await said.until(/Ctrl-C ends it/);
    const url = /http:\/\/127\.0\.0\.1:\d+\/\S+/.exec(said.text)?.[0] ?? '';
    const first = await fetch(url);
    assert.equal(first.status, 200);
    assert.match(await first.text(), /sessionStorage/);
    assert.equal((await fetch(url)).status, 410);
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    await assert.rejects(fetch(url));
  });

  test('tsk logs picks lines by number, time and boot', async (t) => {
    const garden = await Garden.start(t);
    const { init } = garden.device;
    for (const text of ['one', 'two', String.raw`\x1b[31mthree\x1b[0m`]) init.log('backup', text, 'stderr');
    const last = await garden.tsk('logs', 'backup', '-n', '2');
    assert.match(last.stdout, /^\S+ \S+ ! two\n\S+ \S+ ! three\n$/);
    const json = await garden.tsk('logs', 'backup', '-n', '1', '--json');
    assert.equal((JSON.parse(json.stdout) as LogLine).text, String.raw`\x1b[31mthree\x1b[0m`);
    assert.equal((await garden.tsk('logs', 'backup', '--since', '2100-01-01')).stdout, '');
    assert.match((await garden.tsk('logs', 'backup', '--since', '10m')).stdout, /! three\n$/);

    const boot = { id: 'x', buildId: 'b', slot: null, bootedAtMs: 0, end: null };
    init.boots = [
      { ...boot, boot: 0, logs: ['backup'] },
      { ...boot, boot: -1, logs: ['backup'] },
    ];
    init.earlierLogs.set('backup', [{ seq: 0, timeMs: 0, stream: 'stdout', text: 'before' }]);
    assert.match((await garden.tsk('logs', 'backup', '--boot', '-1')).stdout, / {3}before\n$/);
    const refused = await garden.tsk('logs', 'irrigaton', '--boot', '-1');
    assert.match(refused.stderr, /boot -1 has left none of that name/);
    assert.match(
      (await garden.tsk('logs', 'backup', '--boot', '-2')).stderr,
      /the oldest that is kept is -1/,
    );

    assert.equal((await garden.tsk('logs')).stdout, 'backup\n');
    assert.deepEqual(JSON.parse((await garden.tsk('logs', '--boot', '-1', '--json')).stdout), {
      logs: ['backup'],
    });
    assert.match((await garden.tsk('logs', '-f')).stderr, /Cannot tell which log is meant: no name is given/);
  });

  test('tsk logs says when there are older lines than those that nobody has counted', async (t) => {
    const garden = await Garden.start(t);
    const { init } = garden.device;
    for (let number = 1; number <= 98; number++) init.log('backup', `line ${number}`);
    const all = await garden.tsk('logs', 'backup');
    assert.match(all.stdout, / line 1\n/);
    assert.equal(all.stderr, '');
    for (let number = 99; number <= 101; number++) init.log('backup', `line ${number}`);
    const last = await garden.tsk('logs', 'backup');
    assert.deepEqual(last.stdout.match(/line \d+/g)?.slice(0, 2), ['line 2', 'line 3']);
    assert.equal(last.stdout.match(/\n/g)?.length, 100);
    assert.match(last.stderr, /older lines are left out: "-n 1000" shows more/);
    assert.equal((await garden.tsk('logs', 'backup', '-n', '5')).stderr, '');
  });

  test('tsk logs -f prints each line once, whatever happens to the connection, until Ctrl-C', async (t) => {
    const garden = await Garden.start(t);
    const { init, server } = garden.device;
    init.log('backup', 'first');
    const args = garden.argv(['logs', '-f', 'backup', '-n', '1', '--host', garden.device.url]);
    const child = spawn(process.execPath, args);
    const lines = new Watched(child.stdout);
    const notices = new Watched(child.stderr);
    await lines.until(/first\n/);
    init.log('backup', 'second');
    await lines.until(/second\n/);
    server.http.closeAllConnections();
    init.log('backup', 'meanwhile');
    await lines.until(/meanwhile\n/);
    assert.equal(
      notices.text,
      '-- lost the connection to garden; waiting for it --\n-- connected again --\n',
    );
    assert.deepEqual(
      lines.text
        .trim()
        .split('\n')
        .map((line) => line.split(' ').at(-1)),
      ['first', 'second', 'meanwhile'],
    );
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    assert.deepEqual(await ended, [0, null]);
  });

  test('tsk start, stop and restart act on several apps, or on none when a name is wrong', async (t) => {
    const garden = await Garden.start(t);
    const { acts } = garden.device.init;
    const wrong = await garden.tsk('stop', 'irrigation', 'bakup');
    assert.deepEqual([wrong.code, wrong.stdout, acts], [1, '', []]);
    assert.match(wrong.stderr, /^Error: Cannot stop "bakup": .*\nHint: Did you mean backup\?\n$/);
    const both = await garden.tsk('restart', 'irrigation', 'backup');
    assert.match(
      both.stdout,
      /^Restarted irrigation \(process \d+\)\.\nRestarted backup \(process \d+\)\.\n$/,
    );
    assert.deepEqual(acts, ['restart irrigation', 'restart backup']);
    const refused = await garden.tsk('stop', 'irrigation', '--json');
    assert.deepEqual([refused.code, refused.stderr], [0, '']);
    const again = await garden.tsk('stop', 'irrigation', '--json');
    const { error } = JSON.parse(again.stdout) as { error: { message: string } };
    assert.deepEqual(
      [again.code, error.message],
      [1, 'Cannot stop "irrigation": service "irrigation" is stopped already'],
    );
  });

  test('tsk reboot and poweroff --no-wait say what they have asked for', async (t) => {
    const garden = await Garden.start(t);
    assert.equal((await garden.tsk('reboot', '--no-wait')).stdout, 'garden reboots.\n');
    const off = await garden.tsk('poweroff', '--no-wait', '--json');
    assert.deepEqual(JSON.parse(off.stdout), { hostname: 'garden', state: 'powering off' });
    assert.deepEqual(garden.device.init.acts, ['reboot', 'poweroff']);
  });

  test('tsk doctor --device reports on the device, without its secrets', async (t) => {
    const garden = await Garden.start(t);
    garden.device.init.log('kernel', `who said ${TEST_PASSWORD}? from 52:54:00:aa:bb:cc`, 'stderr');
    for (const [name, content] of [
      ['API_TOKEN', 'tulip mania'],
      ['FORGOTTEN', 'orchid-fever'],
    ] as const) {
      garden.setSecret('irrigation', name, content);
    }
    garden.device.init.change('backup', { state: 'backoff', reason: 'no bucket for tulip mania' });
    garden.device.init.log('kernel', 'GET /?with=tulip%20mania and orchid-fever', 'stderr');
    garden.setNetworks([
      { ssid: 'home', psk: 'c0de'.repeat(16) },
      { ssid: 'lab', passphrase: 'correct horse', wpa3: true },
    ]);
    garden.device.init.log('kernel', `lab takes "correct horse", and home ${'c0de'.repeat(16)}`, 'stderr');
    const { code, stdout } = await garden.tsk('doctor', '--device');
    assert.equal(code, 0);
    assert.match(stdout, /^What the kernel warns of\n  who said \*\*\*\? from 52:54:00:xx:xx:xx$/m);
    const json = await garden.tsk('doctor', '--device', '--json');
    const report = JSON.parse(json.stdout) as { status: { system: { hostname: string } } };
    assert.equal(report.status.system.hostname, 'garden');
    assert.doesNotMatch(`${stdout}${json.stdout}`, /aa:bb:cc|tulip|orchid|horse|c0de/);
    assert.match(stdout, /no bucket for \*\*\*/);
    const { serialNumber } = exampleHardware();
    assert.ok(!`${stdout}${json.stdout}`.includes(serialNumber ?? ''));
    assert.match(json.stdout, /"serialNumber": "\*\*\*"/);
  });

  test('a TAB completes the names of apps', async (t) => {
    const garden = await Garden.start(t);
    const complete = async (...words: string[]): Promise<string[]> =>
      (await garden.run(['complete', '--', ...garden.argv(words).slice(1)])).stdout
        .split('\n')
        .map((line) => line.split('\t')[0] ?? '');
    assert.deepEqual(await complete('restart', ''), ['irrigation', 'backup', ':4', '']);
    assert.deepEqual(await complete('logs', 'i'), ['irrigation', 'init', ':4', '']);
    assert.deepEqual(await complete('ps', '--h'), ['--host', '--help', ':4', '']);
  });
});

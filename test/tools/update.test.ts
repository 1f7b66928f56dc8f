// tsk update and tsk rollback, the real program, against a device that behaves as each test scripts it. Updates of
// real devices are in test/boot.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test, type TestContext } from 'node:test';
import { openInstance } from '../../src/host/config/instance.ts';
import { ensureUpdateKeys } from '../../src/host/config/update-keys.ts';
import type { SlotContent } from '../../src/shared/update-api.ts';
import { CommandLine } from '../support/command-line.ts';
import { FakeUpdateDevice, type FakeUpdateOptions } from '../support/fake-update-device.ts';

const PASSWORD = 'demo';
const OLD_BUILD = '91cc'.padEnd(64, '0');

const root = mkdtempSync(join(tmpdir(), 'tsk-update-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** Built once; each test has a copy. */
const template = new CommandLine(join(root, 'template'));
let image: { buildId: string; components: Record<string, string> };
let keyId: string;

before(async () => {
  mkdirSync(join(template.directory, '.tskrazy'), { recursive: true });
  const apps = { irrigation: { node: './irrigation.ts' } };
  const config = { hostname: 'garden', board: 'pc-amd64', apps };
  writeFileSync(join(template.directory, 'tskrazy.json'), JSON.stringify(config));
  writeFileSync(join(template.directory, 'irrigation.ts'), `throw new Error('dry');\n`);
  writeFileSync(join(template.directory, '.tskrazy', 'password'), `${PASSWORD}\n`);
  image = JSON.parse(await template.succeeds('build', '--json')) as typeof image;
  const keys = await ensureUpdateKeys(await openInstance(template.directory));
  keyId = keys.current.id;
});

/** What the device runs: two parts of the system and all apps are other than in the image. */
function oldContent(): SlotContent {
  return {
    buildId: OLD_BUILD,
    hostname: 'garden',
    tskrazyVersion: '0.0.9',
    buildTimeSec: 1_700_000_000,
    signedAtSec: 1_700_000_000,
    components: { ...image.components, kernel: '6.0.1' },
    apps: [
      { name: 'irrigation', kind: 'node', contentSha256: 'a'.repeat(64) },
      { name: 'camera', kind: 'binary', contentSha256: 'b'.repeat(64) },
    ],
  };
}

class Garden {
  readonly device: FakeUpdateDevice;
  readonly cli: CommandLine;

  private constructor(device: FakeUpdateDevice, cli: CommandLine) {
    this.device = device;
    this.cli = cli;
  }

  static async start(t: TestContext, options: Partial<FakeUpdateOptions> = {}): Promise<Garden> {
    const directory = mkdtempSync(join(root, 'garden-'));
    cpSync(template.directory, directory, { recursive: true });
    const trusts = { password: PASSWORD, running: oldContent(), trustedKeyIds: [keyId] };
    const device = await FakeUpdateDevice.start(t, { ...trusts, ...options });
    return new Garden(device, new CommandLine(directory));
  }

  tsk(...args: string[]): ReturnType<CommandLine['tsk']> {
    return this.cli.tsk(...args, '--host', this.device.address);
  }
}

void suite('updating a device', { concurrency: 2 }, () => {
  test('tsk update says what changes, sends what is missing, waits, confirms, and says so', async (t) => {
    const { device, ...garden } = await Garden.start(t);
    const { code, stdout, stderr } = await garden.cli.tsk('update', '--host', device.address);
    assert.equal(code, 0, stderr);
    const short = image.buildId.slice(0, 12);
    assert.match(stdout, new RegExp(`^garden: build 91cc00000000 -> ${short}$`, 'm'));
    assert.match(stdout, /^ {2}tskrazy +0\.0\.9 -> \d/m);
    assert.match(stdout, /^ {2}kernel +6\.0\.1 -> v/m);
    assert.match(stdout, /^ {2}camera +app gone$/m);
    assert.match(stdout, /^ {2}irrigation +app changed$/m);
    assert.match(stdout, /^ {2}\d+ k?B to send, then a restart: the kernel changes$/m);
    assert.match(
      stdout,
      new RegExp(
        `^garden now runs build ${short} \\(was 91cc00000000\\), \\d+(?:\\.\\d+)? k?B sent, \\d+\\.\\d s without service\\.$`,
        'm',
      ),
    );
    assert.match(
      stderr,
      /Sending 3 chunks .*\nWriting the root image .*\nWriting the boot files .*\nReading everything back .*\nRestarting garden\n/s,
    );
    assert.deepEqual([...device.received], [0, 1, 2]);
    assert.equal(device.status.committed, 'b');
  });
});

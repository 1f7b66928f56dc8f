// An instance that is built, and a scripted device that runs an older build of it, for tests of `tsk update`.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openInstance } from '../../../src/host/config/instance.ts';
import { ensureUpdateKeys } from '../../../src/host/config/update-keys.ts';
import type { SlotContent } from '../../../src/shared/update/update-api.ts';
import { CommandLine, type Follower } from '../cli/command-line.ts';
import { FakeUpdateDevice, type FakeUpdateOptions } from './fake-update-device.ts';

export const OLD_BUILD = '91cc'.padEnd(64, '0');
const PASSWORD = 'demo';

/** Built once; each garden has a copy. */
export class BuiltGarden {
  readonly directory: string;
  readonly buildId: string;
  readonly keyId: string;
  readonly #components: Readonly<Record<string, string>>;

  private constructor(
    directory: string,
    image: { buildId: string; components: Record<string, string> },
    keyId: string,
  ) {
    this.directory = directory;
    this.buildId = image.buildId;
    this.#components = image.components;
    this.keyId = keyId;
  }

  static async build(): Promise<BuiltGarden> {
    const directory = mkdtempSync(join(tmpdir(), 'tsk-update-'));
    const apps = { irrigation: { node: './irrigation.ts' } };
    // The device that stands in for one speaks in clear, as those of 0.1.
    const config = { hostname: 'garden', board: 'pc-amd64', apps, web: { tls: 'off' } };
    writeFileSync(join(directory, 'tskrazy.json'), JSON.stringify(config));
    writeFileSync(join(directory, 'irrigation.ts'), `throw new Error('dry');\n`);
    mkdirSync(join(directory, '.tskrazy'));
    writeFileSync(join(directory, '.tskrazy', 'password'), `${PASSWORD}\n`);
    const image = JSON.parse(await new CommandLine(directory).succeeds('build', '--json'));
    const keys = await ensureUpdateKeys(await openInstance(directory));
    return new BuiltGarden(directory, image, keys.current.id);
  }

  get shortId(): string {
    return this.buildId.slice(0, 12);
  }

  /** What the device runs: two parts of the system and all apps are other than in the image. */
  oldContent(): SlotContent {
    return {
      buildId: OLD_BUILD,
      hostname: 'garden',
      tskrazyVersion: '0.0.9',
      buildTimeSec: 1_700_000_000,
      signedAtSec: 1_700_000_000,
      components: { ...this.#components, kernel: '6.0.1' },
      apps: [
        { name: 'irrigation', kind: 'node', contentSha256: 'a'.repeat(64) },
        { name: 'camera', kind: 'binary', contentSha256: 'b'.repeat(64) },
      ],
    };
  }

  /** As far as an update looks at it. */
  newContent(): SlotContent {
    return { ...this.oldContent(), buildId: this.buildId };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export class UpdateGarden {
  readonly device: FakeUpdateDevice;
  readonly cli: CommandLine;

  private constructor(device: FakeUpdateDevice, cli: CommandLine) {
    this.device = device;
    this.cli = cli;
  }

  static async start(
    t: TestContext,
    built: BuiltGarden,
    options: Partial<FakeUpdateOptions> = {},
  ): Promise<UpdateGarden> {
    const directory = mkdtempSync(join(tmpdir(), 'tsk-garden-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    cpSync(built.directory, directory, { recursive: true });
    const usual = { password: PASSWORD, running: built.oldContent(), trustedKeyIds: [built.keyId] };
    const device = await FakeUpdateDevice.start(t, { ...usual, ...options });
    return new UpdateGarden(device, new CommandLine(directory));
  }

  succeeds(...args: string[]): Promise<string> {
    return this.cli.succeeds(...args, '--host', this.device.address);
  }

  async fails(...args: string[]): Promise<string> {
    const { code, stderr } = await this.cli.tsk(...args, '--host', this.device.address);
    assert.equal(code, 1, stderr);
    return stderr;
  }

  follow(...args: string[]): Follower {
    return this.cli.follow(...args, '--host', this.device.address);
  }

  /** All that was asked of the device but what only looks. */
  get changes(): string[] {
    return this.device.asked.filter((what) => !what.startsWith('GET'));
  }
}

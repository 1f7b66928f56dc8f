// Apps from another image beside the running one, on a real kernel: what they see and may do there is what they
// would in the image that the device has started from. The update that leads there is in update.test.ts.

import assert from 'node:assert/strict';
import { closeSync, cpSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { SUPERBLOCK_OFFSET_BYTES } from '../../src/device/init/perm/ext4-superblock.ts';
import { type BuiltImage, buildImage } from '../../src/host/build/build-image.ts';
import { DEFAULT_DISK_BYTES } from '../../src/host/build/disk-image.ts';
import { writeSecret } from '../../src/host/config/app-secrets.ts';
import { openInstance } from '../../src/host/config/instance.ts';
import { silentProgress } from '../../src/host/progress.ts';
import { layOutDisk, PERM_PARTITION, SECTOR_BYTES } from '../../src/shared/board/disk-layout.ts';
import { INIT_API, type SystemStatus } from '../../src/shared/api/init-api.ts';
import { decideSwitch } from '../../src/shared/update/switch-mode.ts';
import type { TrialRequest, UpdateState } from '../../src/shared/update/update-state.ts';
import { Appliance, eventually } from '../support/machines/appliance.ts';
import { HOST_BOARD, HOST_BOARD_ID, UNGUARDED } from '../support/machines/host-board.ts';
import { requireTool } from '../support/require-tool.ts';
import { atTheEnd } from '../support/at-the-end.ts';

const FIXTURE = join(import.meta.dirname, '../fixtures/live-switch');
const CONTROL_PORT = 8081;
const ROOT_B = '/run/tsk/roots/b';

/** What is seen of name servers is the same at each start only once the network is there. */
const FACTS = { node: './facts.ts', waitFor: ['network'] };
const OFF = { user: 'root', sandbox: 'off' };
const UNCHANGED = { control: { node: './control.ts', ...OFF }, kept: FACTS };
const NOTES = { writable: ['notes'], include: [{ from: './first-note.txt', to: 'notes/list' }] };
const APPS_OF_A = {
  ...UNCHANGED,
  boxed: { ...FACTS, ...NOTES, secrets: ['TOKEN'], env: { VERSION: '1' } },
  free: { ...FACTS, ...OFF, env: { VERSION: '1' } },
  gopher: { go: './gopher', args: ['1'], ...OFF },
  stopped: { ...FACTS, env: { VERSION: '1' } },
  old: FACTS,
};
const APPS_OF_B = {
  ...UNCHANGED,
  boxed: { ...FACTS, ...NOTES, secrets: ['TOKEN'], env: { VERSION: '2' } },
  free: { ...FACTS, ...OFF, env: { VERSION: '2' } },
  gopher: { go: './gopher', args: ['2'], ...OFF },
  stopped: { ...FACTS, env: { VERSION: '2' } },
  fresh: FACTS,
};

interface Facts {
  service: string;
  version: string;
  users: string[];
  apps: string[];
  /** Or the code of the error. */
  secret: string;
  /** What is in the directories where secrets could be, or the error's code; null: for root. */
  secretsOf: (string[] | string)[] | null;
  /** What its starts have written beside its code, or the code of the error. */
  notes: string;
  may: Record<string, unknown>;
  sees: Record<string, unknown>;
}

class Builds {
  readonly directory: string;
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
    this.directory = mkdtempSync(join(tmpdir(), 'tsk-test-live-'));
    atTheEnd(t, () => rmSync(this.directory, { recursive: true, force: true }));
    cpSync(FIXTURE, this.directory, { recursive: true });
  }

  configure(apps: object): void {
    const config = { hostname: 'live', board: HOST_BOARD_ID, kernel: { extraArgs: UNGUARDED }, apps };
    writeFileSync(join(this.directory, 'tskrazy.json'), JSON.stringify(config));
  }

  /** `secret`: of the app that has one, in this image. */
  async build(apps: object, secret: string): Promise<BuiltImage> {
    this.configure(apps);
    const instance = await openInstance(this.directory);
    await writeSecret(instance, 'boxed', 'TOKEN', Buffer.from(secret));
    const image = await buildImage({ instance, board: HOST_BOARD, offline: false, report: silentProgress });
    this.#t.after(() => image.dispose());
    return image;
  }
}

class Device {
  readonly appliance: Appliance;

  constructor(appliance: Appliance) {
    this.appliance = appliance;
  }

  async ask(path: string, method = 'GET', body?: string | Buffer): Promise<string> {
    const url = new URL(path, this.appliance.urlOf(CONTROL_PORT));
    const response = await fetch(url, { method, ...(body === undefined ? {} : { body }) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text;
  }

  async askInit<T>(path: string, method = 'GET', body?: object): Promise<T> {
    return JSON.parse(await this.ask(`init${path}`, method, body && JSON.stringify(body))) as T;
  }

  async act(name: string, action: 'stop' | 'restart'): Promise<void> {
    await this.askInit(INIT_API.serviceAction(name, action), 'POST');
  }

  async pid(name: string): Promise<number | null> {
    return (await this.appliance.service(name)).pid;
  }

  async states(): Promise<Record<string, string>> {
    const services = await this.appliance.services();
    return Object.fromEntries(services.map(({ name, state }) => [name, state]));
  }

  /** What an app has said last about itself, in its `start`th process. */
  async facts(name: string, start: number): Promise<Facts> {
    const line = await eventually(`facts of ${name}`, async () => {
      const all = (await this.appliance.log(name)).match(/\{"service":.*\}$/gm) ?? [];
      return all.length === start && all.at(-1);
    });
    return JSON.parse(line) as Facts;
  }

  async gopherSays(text: string): Promise<void> {
    await eventually(text, async () => (await this.appliance.log('gopher')).trimEnd().endsWith(text));
  }
}

/** Without what tells apart in which root it is. */
function comparable({ may, sees }: Facts): object {
  return { may, sees };
}

test('apps from another image live as in the one that the device runs from', async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem) || !requireTool(t, 'go')) return;
  const builds = new Builds(t);
  const imageB = await builds.build(APPS_OF_B, 'secret of b');
  const imageA = await builds.build(APPS_OF_A, 'secret of a');
  const { mode, changedApps } = decideSwitch(imageA.manifest, imageB.manifest);
  assert.equal(mode, 'live');
  assert.deepEqual(changedApps, ['boxed', 'free', 'fresh', 'gopher', 'old', 'stopped']);
  const instance = await openInstance(builds.directory);
  const options = { board: HOST_BOARD_ID, guestPorts: [CONTROL_PORT], keep: true };
  const appliance = await Appliance.boot(t, instance, options);
  const device = new Device(appliance);
  const [boxed, free, kept] = [
    await device.facts('boxed', 1),
    await device.facts('free', 1),
    await device.facts('kept', 1),
  ];
  await device.gopherSays('gopher 1 0 false <nil>');
  assert.deepEqual([boxed.secret, boxed.secretsOf], ['secret of a', [['TOKEN'], 'ENOENT', 'ENOENT']]);
  assert.deepEqual([kept.secret, kept.secretsOf], ['ENOENT', ['ENOENT', 'ENOENT', 'ENOENT']]);
  assert.deepEqual([boxed.notes, kept.notes], ['image\n1\n', 'ENOENT']);
  await device.act('stopped', 'stop');
  await device.ask('slot-b', 'PUT', await readFile(imageB.rootImagePath));

  const request: TrialRequest = {
    slot: 'b',
    buildId: imageB.manifest.buildId,
    mode: 'live',
    confirmBy: 'client',
    who: 'the test',
    changedApps,
  };
  const unchanged = ['control', 'kept', 'net', 'web'];
  const pids = await Promise.all(unchanged.map((name) => device.pid(name)));

  await t.test('the switch', async () => {
    await device.askInit<UpdateState>(INIT_API.updateTrial, 'POST', request);
    const newBoxed = await device.facts('boxed', 2);
    assert.deepEqual([newBoxed.version, newBoxed.notes], ['2', 'image\n1\n2\n']);
    assert.deepEqual([newBoxed.secret, newBoxed.secretsOf], ['secret of b', boxed.secretsOf]);
    assert.ok(newBoxed.users.includes('fresh') && !newBoxed.users.includes('old'));
    assert.deepEqual(newBoxed.apps, ['boxed']);
    assert.deepEqual(comparable(newBoxed), comparable(boxed));
    const newFree = await device.facts('free', 2);
    assert.equal(newFree.version, '2');
    assert.deepEqual(newFree.users, newBoxed.users);
    assert.ok(newFree.apps.includes('fresh') && !newFree.apps.includes('old'));
    assert.deepEqual(comparable(newFree), comparable(free));
    await device.gopherSays('gopher 2 0 true <nil>');
    await device.facts('fresh', 1);
    assert.deepEqual(await Promise.all(unchanged.map((name) => device.pid(name))), pids);
    assert.deepEqual(await device.states(), {
      net: 'running',
      web: 'running',
      control: 'running',
      kept: 'running',
      boxed: 'running',
      free: 'running',
      gopher: 'running',
      stopped: 'stopped',
      fresh: 'running',
    });
    const system = await device.askInit<SystemStatus>(INIT_API.system);
    assert.deepEqual([system.buildId, system.slot], [imageB.manifest.buildId, 'a']);
    assert.equal((await device.askInit<UpdateState>(INIT_API.update)).appsFrom, 'b');
  });

  await t.test('what has not changed comes from the new image at its next start', async () => {
    await device.act('kept', 'restart');
    const again = await device.facts('kept', 2);
    assert.ok(again.users.includes('fresh') && !kept.users.includes('fresh'));
    assert.deepEqual([again.secret, again.secretsOf], [kept.secret, kept.secretsOf]);
    assert.deepEqual(comparable(again), comparable(kept));
  });

  await t.test('the way back', async () => {
    assert.equal(await device.ask('slot-b'), 'EBUSY');
    await device.askInit(INIT_API.updateRollback, 'POST', { who: 'the test' });
    for (const [name, before, start] of [
      ['boxed', boxed, 3],
      ['free', free, 3],
      ['kept', kept, 3],
    ] as const) {
      const { notes, ...again } = await device.facts(name, start);
      assert.deepEqual({ ...again, notes: before.notes }, before);
      assert.equal(notes, name === 'boxed' ? 'image\n1\n2\n1\n' : 'ENOENT');
    }
    await device.gopherSays('gopher 1 0 false <nil>');
    await device.facts('old', 2);
    await eventually('the end of the trial', async () => {
      const { trial, history } = await device.askInit<UpdateState>(INIT_API.update);
      return trial === null && history[0]?.outcome === 'rolled back';
    });
    const states = await device.states();
    assert.deepEqual([states['stopped'], states['old'], states['fresh']], ['stopped', 'running', undefined]);
    assert.ok(!(await device.ask('mounts')).includes(ROOT_B));
    assert.equal(await device.ask('slot-b'), 'free');
    assert.match(await appliance.log('fresh'), /"service":"fresh"/, 'what it said can still be read');
    assert.deepEqual(
      await Promise.all(['control', 'net', 'web'].map((name) => device.pid(name))),
      [0, 2, 3].map((index) => pids[index]),
    );
  });

  await t.test('a device that goes down after a switch leaves /perm clean', async () => {
    await device.askInit<UpdateState>(INIT_API.updateTrial, 'POST', request);
    await device.facts('boxed', 4);
    await device.facts('free', 4);
    assert.equal(await appliance.powerOff(), 'powered-off');
    assert.match(appliance.console(), /data is safe on disk/);
    assert.ok(isPermClean(join(instance.stateDirectory, 'vm', 'disk.img')));
  });
});

/** ext4 says in its superblock that its journal has something left to do (feature `needs_recovery`). */
function isPermClean(diskPath: string): boolean {
  const INCOMPATIBLE_FEATURES_OFFSET = 0x60;
  const NEEDS_RECOVERY = 0x4;
  const perm = layOutDisk(DEFAULT_DISK_BYTES).partitions[PERM_PARTITION - 1];
  const features = new Uint32Array(1);
  const disk = openSync(diskPath, 'r');
  const position =
    (perm?.firstSector ?? 0) * SECTOR_BYTES + SUPERBLOCK_OFFSET_BYTES + INCOMPATIBLE_FEATURES_OFFSET;
  readSync(disk, features, { position });
  closeSync(disk);
  return features[0] !== 0 && ((features[0] ?? 0) & NEEDS_RECOVERY) === 0;
}

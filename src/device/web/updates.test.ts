import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFat } from '../../formats/fat/volume.ts';
import { RASPBERRY_PI_LAYOUT } from '../../shared/boot-loader/raspberry-pi.ts';
import type { DeviceConfig } from '../../shared/services/services.ts';
import type { UpdateState } from '../../shared/update/update-state.ts';
import { makeImage, makeKey, UpdateTarget } from '../../../test/support/updates/update-target.ts';
import type { InitClient } from './init-client.ts';
import { Updates } from './updates.ts';

const FIRMWARE = ['bootcode.bin', 'start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat'];
const MIB = 1024 * 1024;

function files(version: string, directory: string): Record<string, string> {
  return Object.fromEntries(FIRMWARE.map((name) => [directory + name, `${version} ${name}`]));
}

/** `state`: what init says besides that all is at rest. */
async function renewedWith(state: Partial<UpdateState>): Promise<string> {
  const running = makeImage({
    key: makeKey(),
    root: new Uint8Array(4096),
    bootFiles: { 'config.txt': 'os_prefix=a/\n', ...files('new', 'firmware/') },
    manifest: { board: 'raspberry-pi', arch: 'arm64' },
  });
  const target = await UpdateTarget.create(running, MIB, {
    layout: RASPBERRY_PI_LAYOUT,
    shared: { 'config.txt': 'os_prefix=a/\n', ...files('old', '') },
  });
  const settled = { running: 'a', committed: 'a', appsFrom: null, trial: null, ...state };
  const updates = new Updates({
    config: { board: 'raspberry-pi', buildId: 'b1' } as DeviceConfig,
    init: { get: async () => settled } as unknown as InitClient,
    openDisk: (use) => target.openDisk(use),
    unhealthyApps: async () => [],
  });
  try {
    await Promise.all([updates.renewSharedFiles(), updates.renewSharedFiles()]);
    assert.equal(updates.session, null);
    using disk = target.openDisk('look');
    return Buffer.from(await (await openFat(disk.boot)).readFile('start4.elf')).toString();
  } finally {
    await updates.close();
    target.remove();
  }
}

test('firmware becomes that of the build which runs and starts, and of no other', async () => {
  assert.equal(await renewedWith({}), 'new start4.elf');
  const others: Partial<UpdateState>[] = [
    { trial: {} as UpdateState['trial'] },
    { isStarting: true },
    { committed: 'b' },
    { appsFrom: 'b' },
    { committed: null, running: null },
  ];
  for (const state of others) assert.equal(await renewedWith(state), 'old start4.elf');
});

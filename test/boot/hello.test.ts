// A TypeScript program on a disk of its own, started by the firmware, seen through the status page.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BoardId } from '../../src/shared/board/boards.ts';
import { BOARDS } from '../../src/shared/board/boards.ts';
import { Appliance, copyExample, eventually } from '../support/machines/appliance.ts';
import { requireTool } from '../support/require-tool.ts';

/** Raspberry Pis start in another way: raspberry-pi.test.ts. */
for (const board of ['pc-amd64', 'pc-arm64'] as const) {
  test(`${board}: native-addons boots into its app, keeps its database across boots and powers off`, async (t) => {
    if (!requireTool(t, BOARDS[board].qemuSystem)) return;
    const instance = await copyExample(t, 'native-addons', board);
    await firstBoot(t, instance, board);
    await secondBoot(t, instance, board);
  });
}

type Instance = Awaited<ReturnType<typeof copyExample>>;
type Test = Parameters<typeof copyExample>[0];

async function firstBoot(t: Test, instance: Instance, board: BoardId): Promise<void> {
  const appliance = await Appliance.boot(t, instance, { board, keep: true });
  const app = await eventually('the app to run', async () => {
    const service = await appliance.service('native-addons');
    return service.state === 'running' && service;
  });
  assert.equal(app.startCount, 1);
  await eventually('its first line', async () =>
    /1 starts? recorded/.test(await appliance.log('native-addons')),
  );
  assert.equal(await appliance.powerOff(), 'powered-off');
}

async function secondBoot(t: Test, instance: Instance, board: BoardId): Promise<void> {
  const appliance = await Appliance.boot(t, instance, { board, keep: true });
  await eventually('the count of the second boot', async () =>
    /2 starts? recorded/.test(await appliance.log('native-addons')),
  );
  assert.equal(await appliance.powerOff(), 'powered-off');
}

// tsk update and tsk rollback, the real program, against a device that behaves as each test scripts it: what can go
// wrong on the way, and that each message says what to do.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { SourcePlaces } from '../../src/host/devices/source-places.ts';
import { BuiltGarden, UpdateGarden } from '../support/update-garden.ts';

const built = await BuiltGarden.build();
after(() => built.remove());

function refusal(status: number, message: string, more: Record<string, unknown> = {}) {
  return [{ status, body: { error: { message }, ...more } }];
}

void suite('an update that cannot be', { concurrency: 2 }, () => {
  test('a wrong password, another board or name: nothing is sent', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device, cli } = garden;
    device.system = { ...device.system, board: 'pc-arm64' };
    assert.match(
      await garden.fails('update'),
      /Error: Cannot update "garden": it is a pc-arm64, and the image is for pc-amd64\nHint: Is it the right device\?/,
    );
    device.system = { ...device.system, board: 'pc-amd64', hostname: 'shed' };
    assert.match(
      await garden.fails('update'),
      /Error: Cannot update "shed": the image is for "garden"\nHint: .* --allow-rename\./,
    );
    writeFileSync(join(cli.directory, '.tskrazy', 'password'), 'not that of the device\n');
    assert.match(
      await garden.fails('update'),
      /Error: Cannot log in to .*: the password in ".*\.tskrazy\/password" is wrong\nHint: /,
    );
    assert.deepEqual(garden.changes, []);
  });

  test('keys that the device does not trust are named, on both sides', async (t) => {
    const garden = await UpdateGarden.start(t, built, { trustedKeyIds: ['0123456789abcdef'] });
    const message = await garden.fails('update');
    const keys = `it trusts key 0123456789abcdef; this instance signs with key ${built.keyId}`;
    assert.ok(message.includes(`Error: Cannot update "garden": ${keys}\nHint: `), message);
    garden.device.status = { ...garden.device.status, trustedKeyIds: [] };
    assert.match(
      await garden.fails('update'),
      /the image that it runs trusts no key, so it takes no updates\nHint: .*tsk flash/,
    );
    assert.deepEqual(garden.changes, []);
  });

  test('what the device refuses is told in its words, with what to do', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    device.refusals.set(
      'POST update',
      refusal(422, 'The image has 90 MB, and the slot has room for 64 MB', { reason: 'layout' }),
    );
    assert.match(
      await garden.fails('update'),
      /Error: Cannot update "garden": the image has 90 MB, and the slot has room for 64 MB\nHint: Make the image smaller/,
    );
    device.refusals.set('POST update', refusal(422, 'No trusted key has signed it', { reason: 'signature' }));
    assert.match(await garden.fails('update'), /this instance signs with key [0-9a-f]{16}\n/);
  });
});

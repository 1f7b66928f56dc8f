import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { bootDevice, consoleLines, prepareDevice, putExt4 } from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

const KEPT = '/perm/tskrazy/machine-id';
const SHOWN = '/run/machine-id';
/** A random UUID, without its hyphens. */
const DRAWN = /^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}\n$/;

function read(sys: RecordingSys, path: string): string {
  return readFileSync(sys.path(path), 'latin1');
}

test('the machine id is drawn on the first boot and stays', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys);
  await bootDevice(sys);
  const id = read(sys, SHOWN);
  assert.match(id, DRAWN);
  assert.equal(read(sys, KEPT), id);
  assert.equal(statSync(sys.path(SHOWN)).mode & 0o777, 0o444);
  putExt4(sys);
  rmSync(sys.path(SHOWN));
  await bootDevice(sys);
  assert.deepEqual([read(sys, SHOWN), read(sys, KEPT)], [id, id]);
});

test('a machine id that somebody set is taken as it is, and one that is none is drawn anew', async () => {
  using sys = new RecordingSys();
  prepareDevice(sys);
  putExt4(sys);
  const own = '0123456789abcdef0123456789abcdef';
  sys.file(KEPT, own);
  await bootDevice(sys);
  assert.equal(read(sys, SHOWN), `${own}\n`);
  for (const wrong of ['uninitialized\n', '0'.repeat(32), own.toUpperCase(), '']) {
    sys.file(KEPT, wrong);
    await bootDevice(sys);
    assert.match(read(sys, SHOWN), DRAWN);
    assert.equal(read(sys, KEPT), read(sys, SHOWN));
  }
});

test('with /perm in memory the machine id is for this boot, and the log says so', async () => {
  using sys = new RecordingSys({ rootDevice: '0:22' });
  prepareDevice(sys);
  await bootDevice(sys);
  assert.match(read(sys, SHOWN), DRAWN);
  assert.throws(() => read(sys, KEPT), { code: 'ENOENT' });
  const line = 'init: the machine id is for this boot only, as there is no /perm to keep it in';
  assert.ok(consoleLines(sys).includes(line));
});

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { bindLibc } from '../../src/device/sys/libc.ts';
import { linuxSys } from '../../src/device/sys/linux.ts';
import { reapOrphans } from '../../src/device/init/supervisor/reap-orphans.ts';

const PR_SET_CHILD_SUBREAPER = 36;

test('reapOrphans waits for adopted orphans and leaves our own children to libuv', async (t) => {
  // What PID 1 is to all processes, this makes the test's process to its descendants.
  const prctl = bindLibc('prctl', ['int32', 'uint64']);
  prctl(PR_SET_CHILD_SUBREAPER, 1n);
  t.after(() => prctl(PR_SET_CHILD_SUBREAPER, 0n));
  const sys = linuxSys();
  const own = await sys.run(['/bin/sh', '-c', 'sh -c "exit 0" & echo $!; exit 3'], 10_000);
  assert.equal(own.exitCode, 3);
  const orphan = Number(own.output.trim());
  const deadline = Date.now() + 10_000;
  while (existsSync(`/proc/${orphan}`) && Date.now() < deadline) {
    reapOrphans(sys);
    await sleep(5);
  }
  assert.equal(existsSync(`/proc/${orphan}`), false);
});

// Every kind of change, cut by a power failure at every point: the write log of the change is replayed sector
// by sector onto the disk as it was. With FAT16; test/tools/fat.test.ts has the same with FAT32.

import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  assertMended,
  assertOldOrNew,
  recordEdit,
  SCENARIOS,
  segmentsOf,
} from '../../../test/support/formats/fat-power-cut.ts';
import { FAT16_BYTES } from '../../../test/support/formats/fat-volume.ts';
import type { SectorWrite } from '../../../test/support/formats/sparse-device.ts';

/** Which writes of a segment reach the medium: all choices if they are few, else some by chance. */
function choices(segment: readonly SectorWrite[]): boolean[][] {
  if (segment.length > 5) {
    const kept = fc.array(fc.boolean(), { minLength: segment.length, maxLength: segment.length });
    return fc.sample(kept, { seed: 1, numRuns: 12 });
  }
  return Array.from({ length: 2 ** segment.length }, (_, bits) =>
    segment.map((_, i) => ((bits >> i) & 1) === 1),
  );
}

for (const scenario of SCENARIOS) {
  test(`FatEditor: ${scenario.name}: a power cut after any sector leaves the old or the new state`, async () => {
    const recorded = await recordEdit(FAT16_BYTES, scenario);
    const disk = recorded.before.clone();
    for (const segment of segmentsOf(recorded.log)) {
      for (const write of segment) {
        disk.replay(write);
        await assertOldOrNew(disk, recorded);
      }
      await assertMended(disk, recorded);
    }
  });

  test(`FatEditor: ${scenario.name}: the medium may reorder what lies between two flushes`, async () => {
    const recorded = await recordEdit(FAT16_BYTES, scenario);
    const durable = recorded.before.clone();
    for (const segment of segmentsOf(recorded.log)) {
      for (const kept of choices(segment)) {
        const disk = durable.clone();
        for (const [i, write] of segment.entries()) if (kept[i]) disk.replay(write);
        await assertOldOrNew(disk, recorded);
        await assertMended(disk, recorded);
      }
      for (const write of segment) durable.replay(write);
    }
  });
}

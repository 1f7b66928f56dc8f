import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bytesOf,
  FAT16_BYTES,
  FAT32_BYTES,
  FILES,
  filesOn,
  filled,
  fingerprint,
  volumeWith,
} from '../../../test/support/formats/fat-volume.ts';
import { openFat } from './volume.ts';
import { writeFatFileInPlace } from './write-in-place.ts';

test('writeFatFileInPlace writes exactly the sectors that differ', async () => {
  for (const size of [FAT16_BYTES, FAT32_BYTES]) {
    const device = await volumeWith(size);
    const volume = await openFat(device);
    const [extent] = await volume.extents('loader/loader.conf');
    assert.equal(await writeFatFileInPlace(device, 'loader/loader.conf', FILES['loader/loader.conf']!), 0);
    const changed = bytesOf('default b.conf  \n');
    assert.equal(await writeFatFileInPlace(device, 'loader/loader.conf', changed, { atomic: true }), 1);
    assert.deepEqual(
      device.log.filter((entry) => entry !== 'flush').map((entry) => entry.sector),
      [extent!.offsetBytes / 512],
    );
    assert.equal(
      fingerprint(await filesOn(device)),
      fingerprint({ ...FILES, 'loader/loader.conf': changed }),
    );
  }
});

test('writeFatFileInPlace refuses other lengths, and more than one sector where that must not be', async () => {
  const device = await volumeWith(FAT16_BYTES);
  await assert.rejects(writeFatFileInPlace(device, 'loader/loader.conf', bytesOf('short')), {
    name: 'RangeError',
    message: 'Cannot overwrite "loader/loader.conf" on the FAT volume: it has 17 bytes, not 5',
  });
  await assert.rejects(
    writeFatFileInPlace(device, 'a/vmlinuz', filled(7000, 9), { atomic: true }),
    /in one step: 14 sectors differ/,
  );
  await assert.rejects(writeFatFileInPlace(device, 'missing', bytesOf('')), { code: 'ENOENT' });
  assert.deepEqual(device.log, []);
  const large = filled(7000, 2);
  large[5000] = 1;
  large[6999] = 1;
  assert.equal(await writeFatFileInPlace(device, 'a/vmlinuz', large), 2);
  assert.equal(fingerprint(await filesOn(device)), fingerprint({ ...FILES, 'a/vmlinuz': large }));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareDisks, describeKind } from './disk.ts';
import { type LsblkDevice, toDisk } from './linux-disks.ts';

const stick: LsblkDevice = {
  name: 'sdb',
  path: '/dev/sdb',
  size: 8e9,
  type: 'disk',
  model: 'Ultra  ',
  vendor: ' SanDisk ',
  tran: 'usb',
  rm: true,
  hotplug: true,
  ro: false,
  'log-sec': 512,
  mountpoints: [null],
};

function partition(changes: Partial<LsblkDevice>): LsblkDevice {
  return { ...stick, name: 'sdb1', path: '/dev/sdb1', type: 'part', ...changes };
}

function refusalOf(changes: Partial<LsblkDevice>): string | null {
  return toDisk({ ...stick, ...changes }).refusal;
}

test('toDisk: a disk that nobody uses may be flashed', () => {
  assert.deepEqual(toDisk({ ...stick, children: [partition({})] }), {
    path: '/dev/sdb',
    sizeBytes: 8e9,
    model: 'SanDisk Ultra',
    transport: 'usb',
    removable: true,
    readOnly: false,
    mountPoints: [],
    refusal: null,
  });
  assert.equal(toDisk({ ...stick, vendor: null, model: null, tran: null }).model, '');
});

test('toDisk: cards in a slot, NVMe disks and adapters are told apart', () => {
  const slot = {
    ...stick,
    name: 'mmcblk0',
    path: '/dev/mmcblk0',
    tran: 'mmc',
    vendor: null,
    model: null,
    rm: false,
  };
  const card = toDisk(slot, { kind: 'sd', name: 'SC32G' });
  assert.deepEqual([card.model, describeKind(card)], ['SC32G', 'SD card']);
  assert.equal(describeKind(toDisk({ ...slot, hotplug: false }, { kind: 'emmc', name: 'x' })), 'eMMC');
  assert.equal(describeKind(toDisk(stick)), 'USB, removable');
  // An adapter with a disk in it: the disk cannot be taken out, the adapter can.
  assert.equal(describeKind(toDisk({ ...stick, rm: false })), 'USB, removable');
  const built = toDisk({ ...stick, tran: 'nvme', rm: false, hotplug: false });
  assert.equal(describeKind(built), 'NVMe');
  assert.equal(describeKind({ ...built, transport: 'virtio' }), 'virtio');
  assert.deepEqual([built, card].toSorted(compareDisks), [card, built]);
});

test('toDisk: what is mounted, swapped to or used in another way is refused, however deep', () => {
  const volume = { ...stick, type: 'lvm', path: '/dev/mapper/vg-root' };
  const cases: [Partial<LsblkDevice>, RegExp][] = [
    [{ mountpoints: ['/mnt'] }, /^it is mounted at "\/mnt"$/],
    [{ children: [partition({ mountpoints: ['/a', null, '/b'] })] }, /^it is mounted at "\/a", "\/b"$/],
    [{ children: [partition({ mountpoints: ['[SWAP]'] })] }, /^this computer swaps to it$/],
    [
      { children: [partition({ children: [{ ...volume, mountpoints: ['/srv', '/'] }] })] },
      /^this computer runs from it \("\/" is on it\)$/,
    ],
    [{ children: [partition({ children: [volume] })] }, /^"\/dev\/mapper\/vg-root" \(lvm\) lies on it$/],
  ];
  for (const [changes, expected] of cases) assert.match(refusalOf(changes) ?? '', expected);
});

test('toDisk: what somebody has mounted tells how to unmount it, and nothing else is said to help', () => {
  const card = toDisk({ ...stick, children: [partition({ mountpoints: ['/media/me/MY CARD', '/b'] })] });
  assert.equal(card.remedy, 'Unmount it, for example by: sudo umount "/media/me/MY CARD" "/b"');
  for (const mountpoints of [['/'], ['[SWAP]'], []])
    assert.equal('remedy' in toDisk({ ...stick, children: [partition({ mountpoints })] }), false);
});

test('toDisk: what is no disk, or none that fits, is refused', () => {
  const cases: [Partial<LsblkDevice>, RegExp][] = [
    [{ type: 'part' }, /^it is a partition/],
    [{ type: 'lvm' }, /^it is a logical volume/],
    [{ type: 'crypt' }, /^it is an encrypted volume/],
    [{ type: 'rom' }, /^it is an optical drive$/],
    [{ ro: true }, /^it is write-protected \(a card may have a lock switch\)$/],
    [{ size: 0 }, /^there is no card in it$/],
    [{ 'log-sec': 4096 }, /^it has sectors of 4096 bytes, and an image is made for 512$/],
    [{ size: 1e9 }, /^it is too small: it has 953 MiB and 1324 MiB are needed$/],
  ];
  for (const [changes, expected] of cases) assert.match(refusalOf(changes) ?? '', expected);
});

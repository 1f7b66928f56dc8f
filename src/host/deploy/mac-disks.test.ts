// The texts have the form of recorded ones of macOS 11 to 15: which keys there are, where they stand and what they hold.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeKind } from './disk.ts';
import { askMac, type RunDiskutil, unmountMacDisk } from './mac-disks.ts';

const HEAD = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
`;
const END = '</dict>\n</plist>\n';

/**
 * A Mac runs from a snapshot of its system volume, which has no mount point itself. `store` is what its container lies on:
 * a partition of disk0, the Mac's own, or of disk6, a disk on USB.
 */
const list = (store: 'disk0s2' | 'disk6s2' | 'disk6'): string => `${HEAD}	<key>AllDisks</key>
	<array>
		<string>disk0</string>
		<string>disk0s2</string>
		<string>disk3</string>
		<string>disk3s1</string>
		<string>disk3s1s1</string>
		<string>disk4</string>
		<string>disk4s1</string>
		<string>disk6</string>
		<string>disk6s2</string>
	</array>
	<key>AllDisksAndPartitions</key>
	<array>
		<dict>
			<key>Content</key>
			<string>GUID_partition_scheme</string>
			<key>DeviceIdentifier</key>
			<string>disk0</string>
			<key>OSInternal</key>
			<false/>
			<key>Partitions</key>
			<array>
				<dict>
					<key>Content</key>
					<string>Apple_APFS</string>
					<key>DeviceIdentifier</key>
					<string>disk0s2</string>
					<key>DiskUUID</key>
					<string>9C4F8C36-2D09-4C7E-9E0A-52F1C7A3D001</string>
					<key>Size</key>
					<integer>494384795648</integer>
				</dict>
			</array>
			<key>Size</key>
			<integer>500277792768</integer>
		</dict>
		<dict>
			<key>APFSPhysicalStores</key>
			<array>
				<dict>
					<key>DeviceIdentifier</key>
					<string>${store}</string>
				</dict>
			</array>
			<key>APFSVolumes</key>
			<array>
				<dict>
					<key>CapacityInUse</key>
					<integer>10362667008</integer>
					<key>DeviceIdentifier</key>
					<string>disk3s1</string>
					<key>DiskUUID</key>
					<string>9C4F8C36-2D09-4C7E-9E0A-52F1C7A3D031</string>
					<key>MountedSnapshots</key>
					<array>
						<dict>
							<key>Sealed</key>
							<string>Yes</string>
							<key>SnapshotBSD</key>
							<string>disk3s1s1</string>
							<key>SnapshotMountPoint</key>
							<string>/</string>
							<key>SnapshotName</key>
							<string>com.apple.os.update-0123456789ABCDEF</string>
							<key>SnapshotUUID</key>
							<string>9C4F8C36-2D09-4C7E-9E0A-52F1C7A3D311</string>
						</dict>
					</array>
					<key>OSInternal</key>
					<false/>
					<key>Size</key>
					<integer>494384795648</integer>
					<key>VolumeName</key>
					<string>Macintosh HD</string>
				</dict>
				<dict>
					<key>DeviceIdentifier</key>
					<string>disk3s5</string>
					<key>MountPoint</key>
					<string>/System/Volumes/Data</string>
					<key>OSInternal</key>
					<false/>
				</dict>
			</array>
			<key>Content</key>
			<string>EF57347C-0000-11AA-AA11-00306543ECAC</string>
			<key>DeviceIdentifier</key>
			<string>disk3</string>
			<key>OSInternal</key>
			<false/>
			<key>Partitions</key>
			<array/>
			<key>Size</key>
			<integer>494384795648</integer>
		</dict>
		<dict>
			<key>Content</key>
			<string>FDisk_partition_scheme</string>
			<key>DeviceIdentifier</key>
			<string>disk4</string>
			<key>Partitions</key>
			<array>
				<dict>
					<key>Content</key>
					<string>Windows_FAT_32</string>
					<key>DeviceIdentifier</key>
					<string>disk4s1</string>
					<key>MountPoint</key>
					<string>/Volumes/bootfs</string>
					<key>VolumeName</key>
					<string>Card &amp; more</string>
				</dict>
			</array>
		</dict>
	</array>
	<key>VolumesFromDisks</key>
	<array>
		<string>Macintosh HD</string>
		<string>Card &amp; more</string>
	</array>
	<key>WholeDisks</key>
	<array>
		<string>disk0</string>
		<string>disk3</string>
		<string>disk4</string>
		<string>disk5</string>
	</array>
${END}`;

/** disk0 is the Mac's own, disk3 the APFS container on it, disk4 a card, disk5 an empty reader. */
const LIST = list('disk0s2');
const NOT_FOUND = `${HEAD}	<key>Error</key>
	<true/>
	<key>ErrorMessage</key>
	<string>Could not find disk: disk9</string>
	<key>ExitCode</key>
	<integer>1</integer>
${END}`;

interface Facts {
  name: string;
  media: string;
  bus: string;
  sizeBytes: number;
  blockBytes?: number;
  isRemovable?: boolean;
  isWhole?: boolean;
  isVirtual?: boolean;
  isWritable?: boolean;
}

function flag(value: boolean): string {
  return value ? '<true/>' : '<false/>';
}

function info(facts: Facts): string {
  return `${HEAD}	<key>BusProtocol</key>
	<string>${facts.bus}</string>
	<key>Content</key>
	<string>FDisk_partition_scheme</string>
	<key>DeviceBlockSize</key>
	<integer>${facts.blockBytes ?? 512}</integer>
	<key>DeviceIdentifier</key>
	<string>${facts.name}</string>
	<key>DeviceNode</key>
	<string>/dev/${facts.name}</string>
	<key>Ejectable</key>
	${flag(facts.isRemovable ?? true)}
	<key>EjectableMediaAutomaticUnderSoftwareControl</key>
	<false/>
	<key>FreeSpace</key>
	<integer>0</integer>
	<key>IOKitSize</key>
	<integer>${facts.sizeBytes}</integer>
	<key>IORegistryEntryName</key>
	<string>${facts.media} Media</string>
	<key>Internal</key>
	<true/>
	<key>MediaName</key>
	<string>${facts.media}</string>
	<key>MediaType</key>
	<string>Generic</string>
	<key>MountPoint</key>
	<string></string>
	<key>OSInternalMedia</key>
	<false/>
	<key>ParentWholeDisk</key>
	<string>${facts.name.replace(/s\d+$/, '')}</string>
	<key>RemovableMediaOrExternalDevice</key>
	${flag(facts.isRemovable ?? true)}
	<key>SMARTDeviceSpecificKeysMayVaryNotGuaranteed</key>
	<dict/>
	<key>SMARTStatus</key>
	<string>Not Supported</string>
	<key>Size</key>
	<integer>${facts.sizeBytes}</integer>
	<key>TotalSize</key>
	<integer>${facts.sizeBytes}</integer>
	<key>VirtualOrPhysical</key>
	<string>${(facts.isVirtual ?? false) ? 'Virtual' : 'Physical'}</string>
	<key>WholeDisk</key>
	${flag(facts.isWhole ?? true)}
	<key>WritableMedia</key>
	${flag(facts.isWritable ?? true)}
${END}`;
}

const CARD: Facts = {
  name: 'disk4',
  media: 'Built In SDXC Reader',
  bus: 'Secure Digital',
  sizeBytes: 31_914_983_424,
};
const APPLE = { bus: 'Apple Fabric', sizeBytes: 500_277_792_768, isRemovable: false };

/** With a container as the whole of it, as `store` of a list says. */
const USB_DISK: Facts = { ...CARD, name: 'disk6', media: 'Portable SSD T7', bus: 'USB' };

function mac(card: Partial<Facts> = {}, listed = LIST): RunDiskutil {
  const infos = [
    { ...APPLE, name: 'disk0', media: 'APPLE SSD AP0512Q', blockBytes: 4096 },
    { ...APPLE, name: 'disk3', media: 'AppleAPFSMedia', isVirtual: true },
    { ...CARD, ...card },
    { ...CARD, name: 'disk5', sizeBytes: 0 },
    { ...CARD, name: 'disk4s1', isWhole: false },
    USB_DISK,
  ];
  return async ([verb, , name]) => {
    if (verb === 'list') return listed;
    const facts = infos.find((each) => each.name === name);
    if (facts === undefined) throw Object.assign(new Error('Command failed'), { stdout: NOT_FOUND });
    return info(facts);
  };
}

test('askMac: the card may be flashed by its raw device although it is mounted, the disks of the Mac may not', async () => {
  const disks = await askMac(undefined, mac());
  assert.deepEqual(
    disks.map(({ path, refusal }) => [path, refusal]),
    [
      ['/dev/disk0', 'this computer runs from it ("/" is on it)'],
      ['/dev/disk3', 'this computer runs from it ("/" is on it)'],
      ['/dev/disk4', null],
    ],
  );
  const card = disks[2]!;
  assert.deepEqual(card, {
    path: '/dev/disk4',
    rawPath: '/dev/rdisk4',
    sizeBytes: 31_914_983_424,
    model: 'Built In SDXC Reader',
    transport: 'sd',
    removable: true,
    readOnly: false,
    mountPoints: ['/Volumes/bootfs'],
    refusal: null,
  });
  assert.equal(describeKind(card), 'SD card');
  assert.deepEqual(await askMac('/dev/rdisk4', mac()), [card]);
});

test('askMac: the disk on USB that a Mac runs from is refused, and any other one is not', async () => {
  for (const [store, refusal] of [
    ['disk0s2', null],
    ['disk6s2', 'this computer runs from it ("/" is on it)'],
    ['disk6', 'this computer runs from it ("/" is on it)'],
  ] as const) {
    const [disk] = await askMac('/dev/disk6', mac({}, list(store)));
    assert.deepEqual([disk?.transport, disk?.refusal], ['usb', refusal], store);
  }
});

test('askMac: what is no disk that fits is refused', async () => {
  const cases: [string, Partial<Facts>, RegExp][] = [
    ['/dev/disk4s1', {}, /^it is a partition, and an image needs a whole disk$/],
    ['/dev/disk4', { isVirtual: true }, /^it is a volume or an image, and no disk of its own$/],
    ['/dev/disk4', { bus: 'Disk Image' }, /^it is a volume or an image, and no disk of its own$/],
    ['/dev/disk4', { isRemovable: false }, /^it is a built-in disk of this computer$/],
    ['/dev/disk5', {}, /^there is no card in it$/],
    ['/dev/disk4', { isWritable: false }, /^it is write-protected \(a card may have a lock switch\)$/],
    ['/dev/disk4', { blockBytes: 4096 }, /^it has sectors of 4096 bytes, and an image is made for 512$/],
    ['/dev/disk4', { sizeBytes: 1e9 }, /^it is too small: it has 953 MiB and 1324 MiB are needed$/],
  ];
  for (const [path, change, expected] of cases) {
    const [disk] = await askMac(path, mac(change));
    assert.match(disk?.refusal ?? '', expected);
  }
});

test('askMac, unmountMacDisk: a diskutil that fails, or prints something else', async () => {
  await assert.rejects(askMac('/dev/disk9', mac()), {
    name: 'UserError',
    message:
      'Cannot list the disks of this computer: "diskutil info -plist disk9" says "Could not find disk: disk9"',
  });
  await assert.rejects(
    askMac(undefined, async () => 'bplist00'),
    { message: 'Cannot list the disks of this computer: "diskutil list -plist" failed' },
  );
  const asked: string[] = [];
  await unmountMacDisk('/dev/disk4', async (args) => {
    asked.push(args.join(' '));
    return '';
  });
  assert.deepEqual(asked, ['unmountDisk /dev/disk4']);
  await assert.rejects(
    unmountMacDisk('/dev/disk4', async () => {
      throw new Error('dissented');
    }),
    { name: 'UserError', message: 'Cannot flash "/dev/disk4": macOS does not let go of it' },
  );
});

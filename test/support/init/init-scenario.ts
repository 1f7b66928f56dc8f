// One boot of init against a recording kernel, for the scenarios of test/init.

import { readFileSync } from 'node:fs';
import { Init, type InitOptions } from '../../../src/device/init/init.ts';
import type { BootSwitch } from '../../../src/device/boot-loader/boot-switch.ts';
import { encodeGpt, PARTITION_TYPE, type GptPartition } from '../../../src/formats/gpt.ts';
import { slotOfCmdline } from '../../../src/shared/board/cmdline.ts';
import type { DeviceConfig, ServiceSpec } from '../../../src/shared/services/services.ts';
import type { RecordingSys } from './recording-sys.ts';

const MIB = 1024 * 1024;
const DISK_BYTES = 384 * MIB;
const PERM_START_BYTES = 256 * MIB;

export const KERNEL_MOUNTS = [
  'mount proc on /proc type proc (nosuid,nodev,noexec)',
  'mount sysfs on /sys type sysfs (nosuid,nodev,noexec)',
  'mount devtmpfs on /dev type devtmpfs (nosuid)',
  'mount devpts on /dev/pts type devpts (nosuid,noexec,mode=600,ptmxmode=666)',
  'mount tmpfs on /dev/shm type tmpfs (nosuid,nodev,mode=1777)',
  'mount tmpfs on /tmp type tmpfs (nosuid,nodev,mode=1777)',
  'mount tmpfs on /run type tmpfs (nosuid,nodev,mode=755)',
];

export const BEFORE_SERVICES = [...KERNEL_MOUNTS, 'catch ctrl-alt-del', 'hostname garden', 'interface lo up'];

/** Where there are no system services. */
export const EARLY_STEPS = [...BEFORE_SERVICES, 'listen to uevents'];

export const PERM_IN_MEMORY = 'mount tmpfs on /perm type tmpfs (nosuid,nodev,mode=755)';

export const PERM_MOUNT =
  'mount /dev/vda4 on /perm type ext4 (nosuid,nodev,noatime,errors=remount-ro,resuid=268435454)';

export function service(name: string, more: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    name,
    kind: 'binary',
    argv: [`/user/${name}`],
    env: {},
    dataDir: `/perm/home/${name}`,
    restart: 'always',
    autostart: true,
    stopTimeoutSec: 5,
    ...more,
  };
}

/** A disk with a blank /perm, a configuration and a kernel command line: what a first boot finds. */
export function prepareDevice(
  sys: RecordingSys,
  config: Partial<DeviceConfig> = {},
  kernelArguments = 'root=PARTUUID=x ro tskrazy.slot=a',
): void {
  putConfiguration(sys, config, kernelArguments);
  sys.file('/proc/sys/kernel/random/boot_id', 'b0071d00-0000-4000-8000-000000000001\n');
  sys.file('/proc/meminfo', 'MemAvailable: 400000 kB\n');
  sys.file('/proc/sys/fs/file-nr', '900\t0\t40000\n');
  sys.file('/dev/console', '');
  sys.file('/proc/mounts', '/dev/vda4 /perm ext4 rw,nosuid,nodev,noatime 0 0\n');
  sys.disk('vda', DISK_BYTES, {
    1: [4 * MIB, 6 * MIB],
    2: [64 * MIB, 64 * MIB],
    3: [128 * MIB, 64 * MIB],
    4: [PERM_START_BYTES, DISK_BYTES - PERM_START_BYTES],
  });
  putPartitionTable(sys);
}

/** What differs from one slot to the other. */
export function putConfiguration(
  sys: RecordingSys,
  config: Partial<DeviceConfig>,
  kernelArguments: string,
): void {
  const complete: DeviceConfig = {
    formatVersion: 1,
    hostname: 'garden',
    board: 'pc-amd64',
    buildId: 'b1',
    buildTimeSec: 1_700_000_000,
    tskrazyVersion: '0.1.0',
    components: {},
    web: { port: 80, passwordHash: null },
    services: [],
    ...config,
  };
  sys.file('/etc/tskrazy/device.json', JSON.stringify(complete));
  sys.file('/proc/cmdline', `${kernelArguments}\n`);
}

/** Makes /dev/vda4 look like an ext4, clean unless `more` says otherwise. */
export function putExt4(
  sys: RecordingSys,
  more: { sizeMiB?: number; state?: number; offsetBytes?: number } = {},
): void {
  const superblock = new Uint8Array(1024);
  const view = new DataView(superblock.buffer);
  view.setUint32(0x4, (more.sizeMiB ?? 128) * 256, true);
  view.setUint32(0x18, 2, true);
  view.setUint16(0x38, 0xef53, true);
  view.setUint16(0x3a, more.state ?? 1, true);
  sys.overwrite('/dev/vda4', more.offsetBytes ?? 1024, superblock);
}

function putPartitionTable(sys: RecordingSys): void {
  const diskSectors = DISK_BYTES / 512;
  const { primary, backup } = encodeGpt({
    diskGuid: '60c24cc1-f3f9-427a-8199-000000000000',
    diskSectors,
    sectorBytes: 512,
    firstUsableSector: 34,
    lastUsableSector: diskSectors - 34,
    partitions: [
      null,
      partition(2, 64 * MIB, (128 * MIB) / 512 - 1),
      null,
      partition(4, PERM_START_BYTES, diskSectors - 35),
    ],
  });
  sys.overwrite('/dev/vda', 512, primary);
  sys.overwrite('/dev/vda', DISK_BYTES - backup.length, backup);
}

function partition(number: number, startBytes: number, lastSector: number): GptPartition {
  const guid = `60c24cc1-f3f9-427a-8199-00000000000${number}`;
  const typeGuid = PARTITION_TYPE.linuxData;
  return { typeGuid, guid, name: '', firstSector: startBytes / 512, lastSector };
}

/** The slot that runs is the committed one, unless `trials` says otherwise. */
export async function bootDevice(sys: RecordingSys, trials: InitOptions['trials'] = {}): Promise<Init> {
  const openBootSwitch = async (): Promise<BootSwitch> => settledBootSwitch(sys);
  const init = new Init(sys, { countdownMs: 0, trials: { openBootSwitch, ...trials } });
  await init.boot();
  return init;
}

function settledBootSwitch(sys: RecordingSys): BootSwitch {
  return {
    trialStart: null,
    committed: async () => slotOfCmdline(readFileSync(sys.path('/proc/cmdline'), 'utf8')) ?? 'a',
    takeTrace: async () => null,
    commit: refuseToSwitch,
    armTrial: refuseToSwitch,
    disarm: refuseToSwitch,
    restartIntoTrial: refuseToSwitch,
  };
}

async function refuseToSwitch(): Promise<never> {
  throw new Error('This scenario has no boot loader');
}

/** Lines on the console, without their times. */
export function consoleLines(sys: RecordingSys): string[] {
  const text = readFileSync(sys.path('/dev/console'), 'utf8').replaceAll(sys.root, '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^\[ +\d+\.\d+\] /, ''));
}

// A device whose boot loader is the one of prefix-loader.ts. Its firmware knows a flag that makes it start the other slot once.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { DeviceBootSwitch } from '../../../src/device/boot-loader/device-boot-switch.ts';
import { kexecWay } from '../../../src/device/boot-loader/kexec-way.ts';
import type { TrialWay } from '../../../src/device/boot-loader/trial-way.ts';
import { locateRootDisk, partitionOf } from '../../../src/device/root-disk.ts';
import { BOOT_PARTITION } from '../../../src/shared/board/disk-layout.ts';
import { isSlot, type Slot } from '../../../src/shared/board/slots.ts';
import type { RecordingSys } from '../init/recording-sys.ts';
import { type TestImage, type TestKey, UpdateTarget } from '../updates/update-target.ts';
import { PREFIX_LAYOUT } from './prefix-loader.ts';
import { UpdatedDevice } from './updated-device.ts';

const MIB = 1024 * 1024;
const FLAG = '/sys/firmware/start-once';
/** The firmware leaves it when it obeys the flag. */
const OBEYED = '/sys/firmware/started-once';
const KEXEC_STATE = '/sys/kernel/kexec_loaded';

export class PrefixDevice extends UpdatedDevice {
  /** `running` is in slot a, and `next` is what updates may bring. */
  static async make(
    sys: RecordingSys,
    key: TestKey,
    running: TestImage,
    next: TestImage,
  ): Promise<PrefixDevice> {
    const target = await UpdateTarget.create(running, 4 * MIB, { layout: PREFIX_LAYOUT });
    const device = new PrefixDevice(sys, target, key, [running, next]);
    const say = (text: string): void => void device.said.push(text);
    device.trials.openBootSwitch = async () => {
      const parts = { sys, boot: partitionOf(locateRootDisk(sys), BOOT_PARTITION), layout: PREFIX_LAYOUT };
      return DeviceBootSwitch.open({ ...parts, ways: [flagWay(sys), kexecWay(parts)], say });
    };
    sys.file(KEXEC_STATE, '0\n');
    return device;
  }

  /** The flag is used up before a slot starts. */
  override async start(): Promise<Slot> {
    const flag = this.sys.path(FLAG);
    let slot = existsSync(flag) ? readFileSync(flag, 'utf8') : '';
    rmSync(flag, { force: true });
    if (slot === '') slot = await this.committed();
    else this.sys.file(OBEYED, '');
    if (!isSlot(slot)) throw new Error(`The firmware finds no directory "${slot}"`);
    await this.startFrom(slot);
    return slot;
  }

  /** The firmware has lost what it was told. */
  forget(): void {
    rmSync(this.sys.path(FLAG));
  }
}

function flagWay(sys: RecordingSys): TrialWay {
  const flag = sys.path(FLAG);
  return {
    name: 'start-once',
    refusal: 'the firmware takes no flag',
    outlivesStarts: true,
    isUsable: (notes) => notes['isFlagLost'] !== true,
    async arm(slot) {
      rmSync(sys.path(OBEYED), { force: true });
      sys.file(FLAG, slot);
      return { isFlagSet: true };
    },
    disarm: async () => rmSync(flag, { force: true }),
    restart: () => sys.power('restart'),
    async recall(notes) {
      const isLost = notes['isFlagSet'] === true && !existsSync(sys.path(OBEYED));
      return { notes: isLost || notes['isFlagLost'] === true ? { isFlagLost: true } : {}, isLost };
    },
  };
}

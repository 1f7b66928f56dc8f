// A Raspberry Pi that is updated, with init and web as they are. Its firmware keeps a flag, and reads config.txt or tryboot.txt
// from the disk by a reader of its own.

import { openBlockDevice } from '../../../src/device/block-device.ts';
import { openBootSwitch } from '../../../src/device/init/update/open-boot-switch.ts';
import { BOARDS } from '../../../src/shared/board/boards.ts';
import { RASPBERRY_PI_LAYOUT } from '../../../src/shared/boot-loader/raspberry-pi.ts';
import { isSlot, type Slot } from '../../../src/shared/board/slots.ts';
import { UpdatedDevice } from '../boot-loader/updated-device.ts';
import type { RecordingSys } from '../init/recording-sys.ts';
import { type TestImage, type TestKey, UpdateTarget } from '../updates/update-target.ts';
import { FatReader } from './fat-reader.ts';

const MIB = 1024 * 1024;
const SET_FLAGS = 0x00038064;

export class PiDevice extends UpdatedDevice {
  #flags = 0;
  /** Files that were read by the starts so far, with the directory that they name. */
  readonly starts: string[] = [];

  /** `running` is in slot a, `next` is what updates may bring, `shared` lies in the root. */
  static async make(
    sys: RecordingSys,
    key: TestKey,
    [running, next]: readonly [TestImage, TestImage],
    shared: Readonly<Record<string, string>>,
  ): Promise<PiDevice> {
    const files = { 'tryboot.txt': running.bootFiles['config.txt'] ?? '', ...shared };
    const target = await UpdateTarget.create(running, 4 * MIB, {
      layout: RASPBERRY_PI_LAYOUT,
      shared: { 'config.txt': running.bootFiles['config.txt'] ?? '', ...files },
    });
    const device = new PiDevice(sys, target, key, [running, next]);
    sys.answers.firmwareProperty = (tag, value) => {
      if (tag === SET_FLAGS) device.#flags = value;
      return device.#flags;
    };
    const { boot } = BOARDS['raspberry-pi'];
    device.trials.openBootSwitch = () => openBootSwitch(sys, boot, (text) => void device.said.push(text));
    return device;
  }

  /** The flag is cleared before anything starts. */
  override async start(): Promise<Slot> {
    const path = this.#flags === 1 ? 'tryboot.txt' : 'config.txt';
    this.#flags = 0;
    const prefix = /^os_prefix=(.*)$/m.exec((await this.readByFirmware(path)) ?? '')?.[1] ?? '';
    this.starts.push(`${path} ${prefix}`);
    const slot = prefix.replace(/\/$/, '');
    if (!isSlot(slot)) throw new Error(`${path} names no slot, but "${prefix}"`);
    await this.startFrom(slot);
    return slot;
  }

  /** A panic, a watchdog or a cut of the power before init has said a word. */
  diesOnTrial(): void {
    if (this.#flags !== 1) throw new Error('No trial was asked for');
    this.#flags = 0;
    this.starts.push('tryboot.txt, which ended early');
  }

  async readByFirmware(path: string): Promise<string | undefined> {
    using boot = openBlockDevice(this.target.bootPath, this.target.bootBytes, 'r');
    const sectorCount = this.target.bootBytes / 512;
    const files = await FatReader.open(boot, { number: 1, firstSector: 0, sectorCount });
    return (await files.readFile(path))?.toString('latin1');
  }
}

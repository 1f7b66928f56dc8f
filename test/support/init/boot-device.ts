// A device with a boot partition and firmware variables, all in the scratch directory of a recording kernel. Its
// firmware and boot loader are played by `start`.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFat } from '../../../src/formats/fat/volume.ts';
import { openBlockDevice } from '../../../src/device/block-device.ts';
import {
  globalVariable,
  loaderVariable,
} from '../../../src/device/boot-loader/systemd-boot/efi-variables.ts';
import { LOADER_CONF_PATH, parseLoaderConf } from '../../../src/shared/boot-loader/loader-entry.ts';
import type { Slot } from '../../../src/shared/board/slots.ts';
import { type BootVolumeOptions, bootVolume } from '../formats/boot-volume.ts';
import { type Answers, RecordingSys } from './recording-sys.ts';

const EFIVARS = '/sys/firmware/efi/efivars';
const MIB = 1024 * 1024;
const ONE_SHOT = loaderVariable('LoaderEntryOneShot');

export interface BootDeviceOptions extends BootVolumeOptions {
  /** Default: true, and both. */
  efiVariables?: boolean;
  kexec?: boolean;
  answers?: Answers;
}

export class BootDevice implements Disposable {
  readonly sys: RecordingSys;
  readonly #bootBytes: number;

  private constructor(sys: RecordingSys, bootBytes: number) {
    this.sys = sys;
    this.#bootBytes = bootBytes;
  }

  static async make(options: BootDeviceOptions = {}): Promise<BootDevice> {
    const sys = new RecordingSys(options.answers);
    const volume = await bootVolume(options);
    sys.disk('vda', 16 * MIB, {
      1: [4 * MIB, volume.sizeBytes],
      2: [10 * MIB, MIB],
      3: [11 * MIB, MIB],
      4: [12 * MIB, MIB],
    });
    sys.overwrite('/dev/vda1', 0, await volume.read(0, volume.sizeBytes));
    sys.file('/proc/cmdline', 'ro\n');
    mkdirSync(sys.path('/perm/tskrazy'), { recursive: true });
    if (options.kexec !== false) sys.file('/sys/kernel/kexec_loaded', '0\n');
    const device = new BootDevice(sys, volume.sizeBytes);
    if (options.efiVariables !== false) device.#putFirmwareVariables();
    return device;
  }

  /** The value, without its attributes. */
  variable(id: string): Buffer | undefined {
    const path = this.#variablePath(id);
    return existsSync(path) ? readFileSync(path).subarray(4) : undefined;
  }

  setVariable(id: string, value: Uint8Array): void {
    writeFileSync(this.#variablePath(id), Buffer.concat([Uint8Array.of(7, 0, 0, 0), value]));
  }

  removeVariable(id: string): void {
    rmSync(this.#variablePath(id), { force: true });
  }

  /** What the loader would start now, and with it what the kernel sees. */
  async start(): Promise<Slot> {
    const oneShot = this.variable(ONE_SHOT);
    this.removeVariable(ONE_SHOT);
    if (oneShot !== undefined) return oneShot.toString('utf16le')[0] as Slot;
    return this.committedOnDisk();
  }

  async committedOnDisk(): Promise<Slot> {
    using boot = openBlockDevice(this.sys.path('/dev/vda1'), this.#bootBytes, 'r');
    const text = await (await openFat(boot)).readFile(LOADER_CONF_PATH);
    return parseLoaderConf(Buffer.from(text).toString());
  }

  [Symbol.dispose](): void {
    this.sys[Symbol.dispose]();
  }

  #putFirmwareVariables(): void {
    mkdirSync(this.sys.path(EFIVARS), { recursive: true });
    const texts = {
      LoaderInfo: 'systemd-boot 252.39-1~deb12u2',
      LoaderDevicePartUUID: '60C24CC1-F3F9-427A-8199-3B8F1A2C0001',
      LoaderImageIdentifier: '\\EFI\\BOOT\\BOOTX64.EFI',
    };
    for (const [name, text] of Object.entries(texts)) {
      this.setVariable(loaderVariable(name), Buffer.from(`${text}\0`, 'utf16le'));
    }
    this.setVariable(globalVariable('BootCurrent'), Uint8Array.of(1, 0));
    this.setVariable(globalVariable('BootOrder'), Uint8Array.of(0, 0, 1, 0, 2, 0));
  }

  #variablePath(id: string): string {
    return join(this.sys.path(EFIVARS), id);
  }
}

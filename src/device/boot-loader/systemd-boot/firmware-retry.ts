// A boot option that makes the firmware start the boot loader a second time. A kernel file that the loader cannot
// start brings the device back to the firmware, which goes on with the option after the current one; usually that
// is a shell or nothing, and somebody has to cycle the power. By then the one-shot is used up, so this second start is
// the committed slot's. UEFI specification 2.10, section 3.1.

import {
  decodeLoadOption,
  type DevicePathNode,
  encodeLoadOption,
  LOAD_OPTION_ACTIVE,
} from '../../../formats/efi-load-option.ts';
import { BOOT_PARTITION } from '../../../shared/board/disk-layout.ts';
import type { DiskPartition } from '../../root-disk.ts';
import { type EfiVariables, globalVariable, loaderVariable } from './efi-variables.ts';

const BOOT_CURRENT = globalVariable('BootCurrent');
const BOOT_ORDER = globalVariable('BootOrder');
const DESCRIPTION = 'tskrazy retry';
/** Far from what firmware numbers by itself. */
const FIRST_NUMBER = 0xf0;
const LAST_NUMBER = 0xff;
/** Disks with larger ones would need other numbers, but firmware finds the partition by its GUID. */
const SECTOR_BYTES = 512;

/** Throws when there is no place for it. Writes nothing when all is as it should be. */
export async function addFirmwareRetry(variables: EfiVariables, boot: DiskPartition): Promise<void> {
  const current = numbersOf(await requireVariable(variables, BOOT_CURRENT))[0];
  const order = numbersOf(await requireVariable(variables, BOOT_ORDER));
  const number = await numberForOption(variables);
  // The firmware came to it the last time, so it stands where it has to.
  if (current === number) return;
  if (current === undefined || !order.includes(current)) {
    throw new Error('The boot order does not have the option that this start came from');
  }
  const others = order.filter((each) => each !== number);
  const place = others.indexOf(current) + 1;
  // The option before the order: some firmware removes numbers that stand for nothing.
  await variables.write(optionVariable(number), await encodeRetryOption(variables, boot));
  await variables.write(BOOT_ORDER, bytesOf(others.toSpliced(place, 0, number)));
}

/** Finds the number of our option, else a free one. */
async function numberForOption(variables: EfiVariables): Promise<number> {
  let free: number | undefined;
  for (let number = FIRST_NUMBER; number <= LAST_NUMBER; number++) {
    const value = await variables.read(optionVariable(number));
    if (value === undefined) free ??= number;
    else if (isOurs(value)) return number;
  }
  if (free === undefined) throw new Error('All numbers for another boot option are taken');
  return free;
}

function isOurs(option: Buffer): boolean {
  try {
    return decodeLoadOption(option).description === DESCRIPTION;
  } catch {
    // Whatever it is, the number is taken.
    return false;
  }
}

/** The loader says where the firmware found it; a path that starts at the partition is enough. */
async function encodeRetryOption(variables: EfiVariables, boot: DiskPartition): Promise<Uint8Array> {
  const guid = await variables.readText(loaderVariable('LoaderDevicePartUUID'));
  const path = await variables.readText(loaderVariable('LoaderImageIdentifier'));
  if (guid === undefined || path === undefined) throw new Error('The boot loader does not say where it lies');
  const devicePath: DevicePathNode[] = [
    {
      kind: 'gpt-partition',
      number: BOOT_PARTITION,
      firstSector: BigInt(boot.startBytes / SECTOR_BYTES),
      sectorCount: BigInt(boot.lengthBytes / SECTOR_BYTES),
      guid,
    },
    { kind: 'file', path },
  ];
  const option = { attributes: LOAD_OPTION_ACTIVE, description: DESCRIPTION, devicePath };
  return encodeLoadOption({ ...option, optionalData: new Uint8Array() });
}

async function requireVariable(variables: EfiVariables, id: string): Promise<Buffer> {
  const value = await variables.read(id);
  if (value === undefined) throw new Error(`There is no variable ${id}`);
  return value;
}

function optionVariable(number: number): string {
  return globalVariable(`Boot${number.toString(16).toUpperCase().padStart(4, '0')}`);
}

function numbersOf(value: Buffer): number[] {
  return Array.from({ length: Math.floor(value.length / 2) }, (_, index) => value.readUInt16LE(index * 2));
}

function bytesOf(numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 2);
  for (const [index, number] of numbers.entries()) bytes.writeUInt16LE(number, index * 2);
  return bytes;
}

// The Raspberry Pis of this board: what each calls itself in config.txt, which files it starts from, and which device tree it
// asks for. No tree stands in for another but where that is known, so that an image which lacks one is found.
//
// Names of trees: `bcm%d-rpi-%s.dtb` and the list of its second half in start.elf and start4.elf (2026-05-22). Filters:
// raspberrypi/documentation, config_txt/conditional.adoc. Type numbers: raspberry-pi/revision-codes.adoc.

/** Who reads config.txt first: bootcode.bin from the disk, or the EEPROM. */
type FirstStage = 'bootcode' | 'eeprom';

export interface PiModel {
  /** As the device tree's name has it, where that tells them apart. */
  id: string;
  title: string;
  firstStage: FirstStage;
  /** As `overlay_map.dtb` names processors: those of a Pi 3 are to it what the first one's was. */
  platform: 'bcm2835' | 'bcm2711' | 'bcm2712';
  /** Sections of config.txt that this model reads, besides [all]. */
  filters: readonly string[];
  boardType: number;
  /** Files in the root of the boot partition that it starts from. */
  firmware: readonly string[];
  /** The first that is there. */
  deviceTrees: readonly string[];
  /** One of these has to say that it is for this processor, or the EEPROM starts no system (`os_check`). */
  checkedTrees: readonly string[];
  /** An overlay that the firmware applies by itself. */
  overlay?: string;
}

const BCM2837 = {
  firstStage: 'bootcode',
  platform: 'bcm2835',
  firmware: ['bootcode.bin', 'start.elf', 'fixup.dat'],
  checkedTrees: [],
} as const;

const BCM2711 = {
  firstStage: 'eeprom',
  platform: 'bcm2711',
  firmware: ['start4.elf', 'fixup4.dat'],
  checkedTrees: [],
} as const;

/** "The Raspberry Pi 5 firmware is self-contained in the bootloader EEPROM" (documentation, config_txt/boot.adoc). */
const BCM2712 = {
  firstStage: 'eeprom',
  platform: 'bcm2712',
  firmware: [],
  checkedTrees: ['bcm2712-rpi-5-b.dtb'],
} as const;

/** rpi-eeprom, release notes of 2025-03-27; the tree of a Pi 5 stands in for none of these (rpi-eeprom issue 682). */
const CM5 = {
  ...BCM2712,
  filters: ['pi5', 'cm5'],
  checkedTrees: ['bcm2712-rpi-cm5-cm5io.dtb', 'bcm2712-rpi-cm5l-cm5io.dtb'],
} as const;
const [CM5_TYPE, CM5_LITE_TYPE] = [0x18, 0x1a];

export const PI_MODELS: readonly PiModel[] = [
  {
    ...BCM2837,
    id: '3-b',
    title: 'Pi 3 B',
    filters: ['pi3'],
    boardType: 0x08,
    deviceTrees: ['bcm2710-rpi-3-b.dtb'],
  },
  {
    ...BCM2837,
    id: '3-b-plus',
    title: 'Pi 3 B+',
    filters: ['pi3', 'pi3+'],
    boardType: 0x0d,
    deviceTrees: ['bcm2710-rpi-3-b-plus.dtb'],
  },
  {
    ...BCM2837,
    id: 'zero-2-w',
    title: 'Zero 2 W',
    filters: ['pi0', 'pi0w', 'pi02'],
    boardType: 0x12,
    deviceTrees: ['bcm2710-rpi-zero-2-w.dtb', 'bcm2710-rpi-zero-2.dtb'],
  },
  {
    ...BCM2711,
    id: '4-b',
    title: 'Pi 4 B',
    filters: ['pi4'],
    boardType: 0x11,
    deviceTrees: ['bcm2711-rpi-4-b.dtb'],
  },
  {
    ...BCM2711,
    id: '400',
    title: 'Pi 400',
    filters: ['pi4', 'pi400'],
    boardType: 0x13,
    deviceTrees: ['bcm2711-rpi-400.dtb'],
  },
  {
    ...BCM2711,
    id: 'cm4',
    title: 'CM4',
    filters: ['pi4', 'cm4'],
    boardType: 0x14,
    deviceTrees: ['bcm2711-rpi-cm4.dtb'],
  },
  {
    ...BCM2712,
    id: '5-b',
    title: 'Pi 5',
    filters: ['pi5'],
    boardType: 0x17,
    deviceTrees: ['bcm2712-rpi-5-b.dtb'],
  },
  {
    ...BCM2712,
    id: '5-b-d0',
    title: 'Pi 5 with the D0 stepping',
    filters: ['pi5'],
    boardType: 0x17,
    // The same tree and an overlay, as its own log says (NumberOneGit/rpi5-uefi issue 8); without the overlay the kernel dies
    // while it sets up pins (siderolabs/talos issue 12748).
    deviceTrees: ['bcm2712-rpi-5-b.dtb'],
    overlay: 'bcm2712d0',
  },
  {
    ...BCM2712,
    id: '500',
    title: 'Pi 500',
    filters: ['pi5', 'pi500'],
    boardType: 0x19,
    deviceTrees: ['bcm2712-rpi-500.dtb'],
  },
  { ...CM5, id: 'cm5-cm5io', title: 'CM5', boardType: CM5_TYPE, deviceTrees: ['bcm2712-rpi-cm5-cm5io.dtb'] },
  {
    ...CM5,
    id: 'cm5-cm4io',
    title: 'CM5 on a carrier for CM4',
    boardType: CM5_TYPE,
    deviceTrees: ['bcm2712-rpi-cm5-cm4io.dtb'],
  },
  {
    ...CM5,
    id: 'cm5l-cm5io',
    title: 'CM5 Lite',
    boardType: CM5_LITE_TYPE,
    deviceTrees: ['bcm2712-rpi-cm5l-cm5io.dtb'],
  },
  {
    ...CM5,
    id: 'cm5l-cm4io',
    title: 'CM5 Lite on a carrier for CM4',
    boardType: CM5_LITE_TYPE,
    deviceTrees: ['bcm2712-rpi-cm5l-cm4io.dtb'],
  },
];

/** Throws for an id that is not in the table. */
export function piModel(id: string): PiModel {
  const found = PI_MODELS.find((model) => model.id === id);
  if (!found)
    throw new RangeError(
      `There is no model "${id}": there are ${PI_MODELS.map((model) => model.id).join(', ')}`,
    );
  return found;
}

// The models of Raspberry Pi that images are made for, and the device trees that their firmware looks for
// (documentation of Raspberry Pi, config.txt, "device_tree"; names as in the kernel's arch/arm64/boot/dts/broadcom and
// its downstream additions). Firmware takes the first that is there.

export interface RaspberryPiModel {
  /** As the device tree's `model` begins. */
  name: string;
  /** Must be in every kernel: those of all carriers, for firmware takes none in place of another. */
  trees: readonly string[];
  /** By other names that kernels have or had for the same: they differ in which of them they have. */
  otherTrees: readonly string[];
}

/** Overlays that firmware applies by itself, without which the model does not start, and for which this is. */
export const NEEDED_OVERLAYS: readonly { name: string; neededBy: string }[] = [
  { name: 'bcm2712d0', neededBy: 'Raspberry Pi 5 Model B with a processor of stepping D0' },
];

export const RASPBERRY_PI_MODELS: readonly RaspberryPiModel[] = [
  { name: 'Raspberry Pi 3 Model B', trees: ['bcm2710-rpi-3-b.dtb'], otherTrees: [] },
  { name: 'Raspberry Pi 3 Model B Plus', trees: ['bcm2710-rpi-3-b-plus.dtb'], otherTrees: [] },
  {
    name: 'Raspberry Pi Zero 2 W',
    trees: ['bcm2710-rpi-zero-2-w.dtb'],
    otherTrees: ['bcm2710-rpi-zero-2.dtb'],
  },
  { name: 'Raspberry Pi 4 Model B', trees: ['bcm2711-rpi-4-b.dtb'], otherTrees: [] },
  { name: 'Raspberry Pi 400', trees: ['bcm2711-rpi-400.dtb'], otherTrees: [] },
  {
    name: 'Raspberry Pi Compute Module 4',
    trees: ['bcm2711-rpi-cm4.dtb'],
    otherTrees: ['bcm2711-rpi-cm4-io.dtb'],
  },
  {
    name: 'Raspberry Pi 5 Model B',
    trees: ['bcm2712-rpi-5-b.dtb'],
    otherTrees: ['bcm2712d0-rpi-5-b.dtb', 'bcm2712-d-rpi-5-b.dtb'],
  },
  { name: 'Raspberry Pi 500', trees: ['bcm2712-rpi-500.dtb'], otherTrees: [] },
  {
    name: 'Raspberry Pi Compute Module 5',
    trees: ['bcm2712-rpi-cm5-cm5io.dtb', 'bcm2712-rpi-cm5-cm4io.dtb'],
    otherTrees: [],
  },
  {
    name: 'Raspberry Pi Compute Module 5 Lite',
    trees: ['bcm2712-rpi-cm5l-cm5io.dtb', 'bcm2712-rpi-cm5l-cm4io.dtb'],
    otherTrees: [],
  },
];

/** Whether the device tree's `model` (`Raspberry Pi 4 Model B Rev 1.5`) is one of those. */
export function isRaspberryPiModel(model: string): boolean {
  return RASPBERRY_PI_MODELS.some(({ name }) => model === name || model.startsWith(`${name} `));
}

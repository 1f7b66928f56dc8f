// The models of Raspberry Pi that images are made for, and the device trees that their firmware looks for
// (documentation of Raspberry Pi, config.txt, "device_tree"; names as in the kernel's arch/arm64/boot/dts/broadcom and
// its downstream additions). Firmware takes the first that is there.

export interface RaspberryPiModel {
  /** As the device tree's `model` begins. */
  name: string;
  /** Must be in every kernel. */
  trees: readonly string[];
  /** For newer steppings and other boards of the model: kernels differ in which of them they have. */
  otherTrees: readonly string[];
}

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
    trees: ['bcm2712-rpi-cm5-cm5io.dtb'],
    otherTrees: ['bcm2712-rpi-cm5-cm4io.dtb', 'bcm2712-rpi-cm5l-cm5io.dtb', 'bcm2712-rpi-cm5l-cm4io.dtb'],
  },
];

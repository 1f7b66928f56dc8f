// Names of devices in an app's `sandbox.devices` that mean the same on every model of a board: which nodes below /dev each
// is, and which line of config.txt switches it on. What else an app may use it names by its path below /dev.
//
// Parameters: README of the kernel's overlays (github.com/raspberrypi/linux, arch/arm/boot/dts/overlays/README). Every
// device tree of the kernel for Raspberry Pis was looked at: all have `i2c_arm`, `spi` and `uart0`; a Raspberry Pi 5 has no
// `audio`, and its firmware passes over the line.

import type { BoardBoot } from '../board/boards.ts';

export const DEVICE_NAMES = ['gpio', 'i2c-1', 'spi0', 'serial0', 'pwm', '1-wire', 'audio', 'video'] as const;
export type DeviceName = (typeof DEVICE_NAMES)[number];

export interface NamedDevice {
  /** Below /dev, as `sandbox.devices` has them. */
  nodes: readonly string[];
  /** What is not below /dev: a file or directory by which to see that it is there. Apps read it in their /sys. */
  sysfs?: string;
  /**
   * Only what is this label of the board's device tree: of chips that have further nodes, the one at the header. All trees
   * of Raspberry Pis have these labels, on each model for another chip.
   */
  treeLabel?: string;
  /** Boards that have it; absent: all. */
  boots?: readonly BoardBoot['kind'][];
  /** What config.txt needs for it, and by what to know that the instance has a line for it already. */
  line?: { text: string; isMeantBy: RegExp };
}

const HEADER: Pick<NamedDevice, 'boots'> = { boots: ['raspberry-pi-firmware'] };

export const NAMED_DEVICES: Readonly<Record<DeviceName, NamedDevice>> = {
  gpio: { ...HEADER, nodes: ['/dev/gpiochip*'], treeLabel: 'gpio' },
  'i2c-1': {
    ...HEADER,
    nodes: ['/dev/i2c-1'],
    line: { text: 'dtparam=i2c_arm=on', isMeantBy: parameter('i2c_arm|i2c1|i2c', 'i2c1(?:-pi5)?') },
  },
  spi0: {
    ...HEADER,
    nodes: ['/dev/spidev0.*'],
    line: { text: 'dtparam=spi=on', isMeantBy: parameter('spi', 'spi0-.*') },
  },
  serial0: {
    nodes: ['/dev/serial0'],
    // On all models but a 5 the port is on anyway.
    line: { text: 'dtparam=uart0=on', isMeantBy: parameter('uart0', 'uart0(?:-pi5)?') },
  },
  pwm: {
    ...HEADER,
    nodes: [],
    sysfs: '/sys/class/pwm',
    treeLabel: 'pwm',
    line: { text: 'dtoverlay=pwm-2chan', isMeantBy: parameter(undefined, 'pwm(?:-2chan)?') },
  },
  '1-wire': {
    ...HEADER,
    nodes: [],
    sysfs: '/sys/bus/w1/devices/w1_bus_master1',
    line: { text: 'dtoverlay=w1-gpio', isMeantBy: parameter(undefined, 'w1-gpio(?:-.*)?') },
  },
  audio: {
    nodes: ['/dev/snd/*'],
    line: { text: 'dtparam=audio=on', isMeantBy: parameter('audio', undefined) },
  },
  video: { nodes: ['/dev/video*', '/dev/media*', '/dev/v4l-subdev*'] },
};

export function isDeviceName(text: string): text is DeviceName {
  return (DEVICE_NAMES as readonly string[]).includes(text);
}

/** Paths of a name, or the one that is none. */
export function nodesOf(device: string): readonly string[] {
  return isDeviceName(device) ? NAMED_DEVICES[device].nodes : [device];
}

/** Lines that set one of the parameters (`dtparam=i2s=on,i2c_arm=off` has two) or load one of the overlays. */
function parameter(names: string | undefined, overlays: string | undefined): RegExp {
  const kinds = [
    ...(names === undefined ? [] : [`dtparam\\s*=\\s*(?:[^#]*,)?\\s*(?:${names})(?:\\s*[=,].*)?`]),
    ...(overlays === undefined
      ? []
      : [`(?:dtoverlay|device_tree_overlay)\\s*=\\s*(?:${overlays})(?:[,:].*)?`]),
  ];
  return new RegExp(`^\\s*(?:${kinds.join('|')})\\s*$`, 'i');
}

// The machines of QEMU in which the stand-in starts what it has chosen: `raspi3b`, a Pi 3 B with its SD card and its own
// device tree, and `virt`, which has devices that Raspberry Pis have not and is some five times faster. (`raspi4b` is in QEMU
// 9 and later: CONTRIBUTING.md says what was seen of it, and that nobody has seen it restart.)

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PortForward } from '../../../src/host/vm/qemu-command.ts';
import { cell, type DeviceTree, findNode, makeNode, parseDeviceTree, text } from './device-tree.ts';
import type { PiStart } from './pi-firmware.ts';

export interface MachineRun {
  diskPath: string;
  kernelPath: string;
  cmdline: string;
  forwards: readonly PortForward[];
  consolePath: string;
  qmpSocketPath: string;
  /** Where requests are logged that QEMU's devices do not know. */
  unknownPath: string;
}

export interface PiMachine {
  program: string;
  /** What `console=serial0` is here. */
  console: string;
  /** Words for the kernel that this machine needs, and no Raspberry Pi. */
  words: readonly string[];
  /** All but the device tree. */
  arguments(run: MachineRun): string[];
  /** The tree that the firmware's words go into. */
  deviceTree(start: PiStart, run: MachineRun, scratchDirectory: string): DeviceTree;
  /** Whether the log of unknown requests has what a restart on trial leaves there; undefined: the machine has no such log. */
  sawTryboot(unknown: string): boolean | undefined;
}

const QEMU = 'qemu-system-aarch64';
/** Waits until somebody listens to why it ends, and ends at each restart. */
const HELD = ['-S', '-no-reboot', '-display', 'none', '-monitor', 'none'];

/**
 * RPI_FIRMWARE_SET_REBOOT_FLAGS, then RPI_FIRMWARE_NOTIFY_REBOOT: the order in which the kernel's driver sends them when it
 * restarts on trial (raspberrypi/linux, drivers/firmware/raspberrypi.c). QEMU 7.2 logs the first as unknown.
 */
const SET_REBOOT_FLAGS = /unhandled tag 0x0*38064/;

export const RASPI3B: PiMachine = {
  program: QEMU,
  console: 'ttyAMA1',
  // QEMU's model of the watchdog resets the machine when it is opened. The port of the Bluetooth chip is the console here, and
  // the chip's driver would write there.
  words: ['tskrazy.watchdog=off', 'module_blacklist=hci_uart'],
  arguments: ({ diskPath, forwards, ...run }) =>
    [
      ['-machine', 'raspi3b'],
      // The cores that wait spin, and four of them on two processors keep the first from ever getting on.
      ['-accel', 'tcg,thread=single'],
      ['-drive', `if=sd,id=disk,format=raw,file=${escapeComma(diskPath)}`],
      ['-usb', '-device', 'usb-net,netdev=net'],
      usual(run, forwards),
    ].flat(),
  deviceTree({ deviceTree }) {
    useMainlineUsbDriver(deviceTree);
    return deviceTree;
  },
  sawTryboot: (unknown) => SET_REBOOT_FLAGS.test(unknown),
};

/**
 * What `dtoverlay=dwc2,dr_mode=host` does (overlays/README of raspberrypi/linux). The driver that is used without it takes an
 * interrupt at each start of a frame. An emulated processor on a busy computer is never done with these, so that transfers time
 * out and the network goes silent for good; with this driver a boot takes some 30 % less of the processor, too.
 */
function useMainlineUsbDriver(tree: DeviceTree): void {
  const { properties } = findNode(tree, '/soc/usb@7e980000')!;
  properties.set('compatible', text('brcm,bcm2835-usb'));
  properties.set('dr_mode', text('host'));
}

export const VIRT: PiMachine = {
  program: QEMU,
  console: 'ttyAMA0',
  words: [],
  arguments: ({ diskPath, forwards, ...run }) =>
    [
      ['-machine', 'virt', '-accel', 'tcg', '-cpu', 'cortex-a53', '-smp', '1', '-m', '512'],
      ['-drive', `if=none,id=disk,format=raw,discard=unmap,file=${escapeComma(diskPath)}`],
      // As a Raspberry Pi 5 may have it: the root is found by its partition's GUID, whatever the disk is.
      ['-device', 'nvme,drive=disk,serial=tskrazy'],
      ['-device', 'virtio-net-pci,netdev=net,romfile='],
      ['-device', 'virtio-rng-pci'],
      ['-device', 'i6300esb', '-action', 'watchdog=reset'],
      // An adapter with nobody at its other end.
      ['-device', 'qemu-xhci', '-chardev', 'null,id=serial-adapter'],
      ['-device', 'usb-serial,chardev=serial-adapter,always-plugged=on'],
      usual(run, forwards),
    ].flat(),
  /** QEMU's own, because that of a Raspberry Pi is about none of this machine's devices. */
  deviceTree(_start, run, scratchDirectory) {
    const path = join(scratchDirectory, 'virt.dtb');
    const args = VIRT.arguments({ ...run, forwards: [] });
    args[args.indexOf('virt')] = `virt,dumpdtb=${escapeComma(path)}`;
    execFileSync(QEMU, args, { stdio: 'ignore' });
    const tree = parseDeviceTree(readFileSync(path));
    addModuleUsers(tree);
    return tree;
  },
  sawTryboot: () => undefined,
};

/**
 * Devices whose drivers are modules: a Bluetooth chip, and a TV HAT on an SPI bus made of the machine's GPIO lines. Nothing
 * answers there, but the kernel looks for drivers, and the HAT's has the kernel ask for another module by name.
 */
function addModuleUsers(tree: DeviceTree): void {
  makeNode(tree, '/bluetooth').properties.set('compatible', text('brcm,bcm43438-bt'));
  const gpio = findNode(tree, '/pl061@9030000')!.properties.get('phandle')!;
  const line = (number: number): Buffer => Buffer.concat([gpio, cell(number), cell(0)]);
  const spi = makeNode(tree, '/spi').properties;
  spi.set('compatible', text('spi-gpio'));
  for (const [index, name] of ['sck-gpios', 'mosi-gpios', 'miso-gpios', 'cs-gpios'].entries())
    spi.set(name, line(index + 4));
  spi.set('num-chipselects', cell(1));
  spi.set('#address-cells', cell(1));
  spi.set('#size-cells', cell(0));
  const hat = makeNode(tree, '/spi/tv@0').properties;
  hat.set('compatible', text('sony,cxd2880'));
  hat.set('reg', cell(0));
  hat.set('spi-max-frequency', cell(100_000));
}

function usual(run: Omit<MachineRun, 'diskPath' | 'forwards'>, forwards: readonly PortForward[]): string[] {
  const ports = forwards.map(({ hostPort, guestPort }) => `,hostfwd=tcp:127.0.0.1:${hostPort}-:${guestPort}`);
  return [
    ['-kernel', run.kernelPath, '-append', run.cmdline],
    ['-netdev', `user,id=net${ports.join('')}`],
    ['-serial', `file:${run.consolePath}`],
    ['-qmp', `unix:${run.qmpSocketPath},server=on,wait=off`],
    ['-d', 'unimp', '-D', run.unknownPath],
    HELD,
  ].flat();
}

/** QEMU's option parser takes a doubled comma for one. */
function escapeComma(path: string): string {
  return path.replaceAll(',', ',,');
}

// A Raspberry Pi as the stand-in knows it, on Debian's kernel: its only network is a radio, and an access point is in the air.

import { connect } from 'node:net';
import { join } from 'node:path';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { TestContext } from 'node:test';
import { atTheEnd } from '../at-the-end.ts';
import { type MachineRun, type PiMachine, VIRT } from '../raspberry-pi/pi-machines.ts';
import { AccessPoint } from './access-point.ts';
import type { HwsimFiles } from './hwsim-initramfs.ts';

export interface HwsimMachine {
  machine: PiMachine;
  /** Of the present start. */
  accessPoint: AccessPoint;
}

export function hwsimMachine(
  t: Pick<TestContext, 'after'>,
  { kernelPath, initramfsPath }: HwsimFiles,
): HwsimMachine {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-ap-'));
  atTheEnd(t, () => rmSync(directory, { recursive: true, force: true }));
  const socketPath = join(directory, 'ap');
  const argumentsOf = (run: MachineRun): string[] => {
    const args = VIRT.arguments({ ...run, kernelPath });
    // Debian's kernel has the driver of such a disk as one module less than that of an NVMe.
    args[args.indexOf('nvme,drive=disk,serial=tskrazy')] = 'virtio-blk-pci,drive=disk';
    return [
      ...args,
      '-initrd',
      initramfsPath,
      '-device',
      'virtio-serial-pci',
      '-device',
      'virtserialport,chardev=ap,name=ap',
      '-chardev',
      `socket,id=ap,path=${socketPath},server=on,wait=off`,
    ];
  };
  const accessPoint = new AccessPoint(() => connect(socketPath));
  t.after(() => accessPoint.close());
  return { machine: { ...VIRT, arguments: argumentsOf }, accessPoint };
}

// A serial port of a board with a device tree, as the kernel shows it.

import { mkdirSync, symlinkSync } from 'node:fs';
import type { RecordingSys } from './recording-sys.ts';

export const DEVICE_TREE = '/sys/firmware/devicetree/base';

/** `node`: its path in the tree. */
export function serialPort(sys: RecordingSys, name: string, node: string): void {
  const hardware = `/sys/devices/platform/soc/${name}.hardware`;
  const port = `${hardware}/${name}:0/${name}:0.0`;
  sys.file(`${DEVICE_TREE}${node}/compatible`, '');
  sys.file(`${port}/tty/${name}/uevent`, '');
  symlinkSync(sys.path(DEVICE_TREE + node), sys.path(`${hardware}/of_node`));
  symlinkSync(sys.path(port), sys.path(`${port}/tty/${name}/device`));
  mkdirSync(sys.path('/sys/class/tty'), { recursive: true });
  symlinkSync(sys.path(`${port}/tty/${name}`), sys.path(`/sys/class/tty/${name}`));
  sys.file(`/dev/${name}`, '');
}

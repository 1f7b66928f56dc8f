// /dev/serial0, the serial port that a board's header or case has, whatever the kernel calls it: programs made for Raspberry
// Pis and for gokrazy open that name.

import { existsSync, readdirSync, symlinkSync } from 'node:fs';
import type { Sys } from '../../sys/sys.ts';
import { DEVICE_TREE, treeNode, treeNodeOf } from '../../tree-node.ts';

const LINK = '/dev/serial0';
const TERMINALS = '/sys/class/tty';
/** Of a board without a device tree, a PC's. */
const FIRST_PORT = 'ttyS0';

/** Nothing on a board whose port is switched off. */
export function linkSerialPort(sys: Sys): void {
  const name = portOf(sys);
  if (name === undefined || !existsSync(sys.path(`/dev/${name}`))) return;
  try {
    symlinkSync(name, sys.path(LINK));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function portOf(sys: Sys): string | undefined {
  const node = treeNode(sys, 'aliases/serial0');
  if (node === undefined) return existsSync(sys.path(DEVICE_TREE)) ? undefined : FIRST_PORT;
  const directory = sys.path(TERMINALS);
  if (!existsSync(directory)) return undefined;
  return readdirSync(directory).find((name) => treeNodeOf(`${directory}/${name}/device`) === node);
}

// Nodes of the board's device tree by the names that the tree itself has for them: `aliases/serial0`, and labels
// (`__symbols__/gpio`), which say the same of each model although the chips differ.

import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Sys } from './sys/sys.ts';

export const DEVICE_TREE = '/sys/firmware/devicetree/base';

/** Absolute path in sysfs; undefined: the tree has no such name, or the board no tree. */
export function treeNode(sys: Pick<Sys, 'path'>, name: string): string | undefined {
  const path = sys.path(`${DEVICE_TREE}/${name}`);
  if (!existsSync(path)) return undefined;
  const node = sys.path(DEVICE_TREE + readFileSync(path, 'latin1').replace(/\0.*$/s, ''));
  return existsSync(node) ? realpathSync(node) : undefined;
}

/** Of the device at this path in sysfs, or of the one above it that has one: some have a parent only for themselves. */
export function treeNodeOf(device: string): string | undefined {
  if (!existsSync(device)) return undefined;
  for (let path = realpathSync(device); path !== '/'; path = dirname(path))
    if (existsSync(`${path}/of_node`)) return realpathSync(`${path}/of_node`);
  return undefined;
}

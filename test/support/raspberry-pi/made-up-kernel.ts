// Go modules with a kernel for Raspberry Pis in them, as far as its files matter: nothing in it runs.

import { RASPBERRY_PI_MODELS } from '../../../src/shared/boot-loader/raspberry-pi-models.ts';
import { makeZip } from '../formats/make-archives.ts';
import { makeKernelHead } from '../formats/make-kernel.ts';
import { formatDeviceTree, makeNode, text } from './device-tree.ts';

export interface MadeUpKernel {
  /** Such as `6.18.34-v8`. */
  release: string;
  /** Device trees of models; default: those that every kernel has to have. */
  trees?: readonly string[];
  overlays: readonly string[];
  /** Names that the map has besides. */
  mapped?: readonly string[];
  modules: readonly string[];
}

export const NEEDED_TREES: readonly string[] = RASPBERRY_PI_MODELS.flatMap(({ trees }) => trees);

export function kernelFiles(kernel: MadeUpKernel): Record<string, Uint8Array | string> {
  const { release, trees = NEEDED_TREES, overlays, mapped = [], modules } = kernel;
  return {
    vmlinuz: makeKernelHead('arm64'),
    LICENSE: 'licence',
    ...Object.fromEntries(trees.map((path) => [path, `tree ${path} of ${release}`])),
    ...Object.fromEntries(overlays.map((name) => [`overlays/${name}.dtbo`, `overlay ${name}`])),
    ...(overlays.length === 0 ? {} : { 'overlays/overlay_map.dtb': overlayMap(mapped) }),
    ...Object.fromEntries(modules.map((name) => [`lib/modules/${release}/kernel/${name}.ko`, name])),
    [`lib/modules/${release}/modules.dep`]: modules.map((name) => `kernel/${name}.ko:\n`).join(''),
  };
}

export function kernelZip(module: string, version: string, kernel: MadeUpKernel): Uint8Array {
  const files = Object.entries(kernelFiles(kernel));
  return makeZip(
    Object.fromEntries(files.map(([path, content]) => [`${module}@${version}/${path}`, content])),
  );
}

/** As `overlays/overlay_map.dtb`. */
export function overlayMap(names: readonly string[]): Buffer {
  const tree = {
    root: { name: '', properties: new Map<string, Buffer>(), children: [] },
    reservations: Buffer.alloc(16),
    bootCpu: 0,
  };
  for (const name of names) makeNode(tree, name).properties.set('bcm2712', text(`${name}-pi5`));
  return formatDeviceTree(tree);
}

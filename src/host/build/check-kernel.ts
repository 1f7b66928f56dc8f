// A kernel of the wrong architecture, or one that UEFI cannot start, is a device that does not boot: found
// here, at build time, by its header.

import { KERNEL_HEAD_BYTES, readKernelHeader } from '../../formats/kernel-header.ts';
import type { Board } from '../../shared/board/boards.ts';
import { sourceOfFile } from '../files/file-device.ts';
import { UserError } from '../user-error.ts';
import { type Components, componentOf, requireFile } from './component-files.ts';

export async function checkKernel(components: Components, board: Board): Promise<void> {
  const component = componentOf(components, 'kernel');
  const file = requireFile(component, 'vmlinuz');
  const source = sourceOfFile(file.path, file.sizeBytes);
  const head = await source.read(0, Math.min(KERNEL_HEAD_BYTES, file.sizeBytes));
  const kernel = readKernelOrRefuse(head, component.version);
  const act = `Cannot build for board "${board.id}" with kernel ${component.version}`;
  if (kernel.architecture !== board.goArch) {
    throw new UserError(`${act}: the kernel is for ${kernel.architecture}, the board is ${board.goArch}`);
  }
  if (!kernel.hasEfiStub) {
    throw new UserError(`${act}: UEFI cannot start it`, { hint: 'Build the kernel with CONFIG_EFI_STUB=y.' });
  }
}

function readKernelOrRefuse(head: Uint8Array, version: string): ReturnType<typeof readKernelHeader> {
  try {
    return readKernelHeader(head);
  } catch (cause) {
    throw new UserError(`Cannot use kernel ${version}`, { cause });
  }
}

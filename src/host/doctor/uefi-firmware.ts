// Where distributions put the UEFI firmware that QEMU boots a virtual machine with. Only plain builds with
// split code and variables, in raw format, without Secure Boot: systemd-boot of the image is not signed.

import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Board, UefiBuild } from '../../shared/board/boards.ts';
import { UserError } from '../user-error.ts';
import { describeInstall, FIRMWARE_PACKAGES } from './packages.ts';

export interface Firmware {
  /** Read-only code. */
  codePath: string;
  /** Pristine variables: every machine gets a copy of its own. */
  varsPath: string;
}

/** Directory, code, variables; best first. */
const PLACES: Readonly<Record<UefiBuild, readonly (readonly [string, string, string])[]>> = {
  ovmf: [
    // Debian, Ubuntu: package ovmf. The files without 4M are gone since Debian 13.
    ['/usr/share/OVMF', 'OVMF_CODE_4M.fd', 'OVMF_VARS_4M.fd'],
    ['/usr/share/OVMF', 'OVMF_CODE.fd', 'OVMF_VARS.fd'],
    // Fedora: edk2-ovmf (its 4M files are qcow2).
    ['/usr/share/edk2/ovmf', 'OVMF_CODE.fd', 'OVMF_VARS.fd'],
    // Arch: edk2-ovmf.
    ['/usr/share/edk2/x64', 'OVMF_CODE.4m.fd', 'OVMF_VARS.4m.fd'],
    ['/usr/share/edk2/x64', 'OVMF_CODE.fd', 'OVMF_VARS.fd'],
    // openSUSE: qemu-ovmf-x86_64.
    ['/usr/share/qemu', 'ovmf-x86_64-4m-code.bin', 'ovmf-x86_64-4m-vars.bin'],
    ['/usr/share/qemu', 'ovmf-x86_64-code.bin', 'ovmf-x86_64-vars.bin'],
    // What QEMU itself brings: Homebrew on Arm and Intel, own builds. x86_64 shares the i386 variables.
    ['/opt/homebrew/share/qemu', 'edk2-x86_64-code.fd', 'edk2-i386-vars.fd'],
    ['/usr/local/share/qemu', 'edk2-x86_64-code.fd', 'edk2-i386-vars.fd'],
    ['/home/linuxbrew/.linuxbrew/share/qemu', 'edk2-x86_64-code.fd', 'edk2-i386-vars.fd'],
    ['/usr/share/qemu', 'edk2-x86_64-code.fd', 'edk2-i386-vars.fd'],
  ],
  aavmf: [
    // Debian, Ubuntu: qemu-efi-aarch64.
    ['/usr/share/AAVMF', 'AAVMF_CODE.no-secboot.fd', 'AAVMF_VARS.fd'],
    ['/usr/share/AAVMF', 'AAVMF_CODE.fd', 'AAVMF_VARS.fd'],
    // Fedora: edk2-aarch64.
    ['/usr/share/edk2/aarch64', 'QEMU_EFI-pflash.raw', 'vars-template-pflash.raw'],
    // Arch: edk2-aarch64.
    ['/usr/share/edk2/aarch64', 'QEMU_CODE.fd', 'QEMU_VARS.fd'],
    // openSUSE: qemu-uefi-aarch64.
    ['/usr/share/qemu', 'aavmf-aarch64-code.bin', 'aavmf-aarch64-vars.bin'],
    ['/opt/homebrew/share/qemu', 'edk2-aarch64-code.fd', 'edk2-arm-vars.fd'],
    ['/usr/local/share/qemu', 'edk2-aarch64-code.fd', 'edk2-arm-vars.fd'],
    ['/home/linuxbrew/.linuxbrew/share/qemu', 'edk2-aarch64-code.fd', 'edk2-arm-vars.fd'],
    ['/usr/share/qemu', 'edk2-aarch64-code.fd', 'edk2-arm-vars.fd'],
  ],
};

/** null: the board has none. Throws UserError with the command that installs it. */
export async function findFirmware(board: Board): Promise<Firmware | null> {
  if (board.vmFirmware === null) return null;
  const found = await lookForFirmware(board);
  if (found) return found;
  throw new UserError(
    `Cannot find UEFI firmware for a virtual machine of board "${board.id}": it is not installed`,
    {
      topic: 'no-qemu',
      hint: await describeInstall([FIRMWARE_PACKAGES[board.vmFirmware]]),
    },
  );
}

/** `root` is put before every path; tests make other distributions' trees below it. */
export async function lookForFirmware(board: Board, root = ''): Promise<Firmware | undefined> {
  if (board.vmFirmware === null) return undefined;
  const places = PLACES[board.vmFirmware].map(([directory, code, vars]) => ({
    codePath: join(root, directory, code),
    varsPath: join(root, directory, vars),
  }));
  for (const firmware of [...places, ...(await readDescriptors(board, root))]) {
    if ((await exists(firmware.codePath)) && (await exists(firmware.varsPath))) return firmware;
  }
  return undefined;
}

/** QEMU's own way to announce firmware (its docs/interop/firmware.json), for distributions not listed above. */
interface FirmwareDescriptor {
  'interface-types': string[];
  mapping: {
    device: string;
    executable?: { filename: string; format: string };
    'nvram-template'?: { filename: string; format: string };
  };
  targets: { architecture: string; machines: string[] }[];
  features: string[];
}

async function readDescriptors(board: Board, root: string): Promise<Firmware[]> {
  const directory = join(root, '/usr/share/qemu/firmware');
  const names = (await readdir(directory).catch(() => []))
    .filter((name) => name.endsWith('.json'))
    .toSorted();
  const found: Firmware[] = [];
  for (const name of names) {
    const descriptor = JSON.parse(await readFile(join(directory, name), 'utf8')) as FirmwareDescriptor;
    const { executable, 'nvram-template': template } = descriptor.mapping;
    if (!executable || !template || !isPlain(descriptor, board)) continue;
    found.push({ codePath: join(root, executable.filename), varsPath: join(root, template.filename) });
  }
  return found;
}

function isPlain(
  { 'interface-types': types, mapping, targets, features }: FirmwareDescriptor,
  board: Board,
): boolean {
  return (
    types.includes('uefi') &&
    mapping.device === 'flash' &&
    mapping.executable?.format === 'raw' &&
    mapping['nvram-template']?.format === 'raw' &&
    targets.some((target) => target.architecture === board.machine) &&
    !features.includes('requires-smm') &&
    !features.includes('enrolled-keys')
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

// Which package of which distribution holds a tool, and the one command that installs it.

import type { Board, UefiBuild } from '../../shared/board/boards.ts';
import { findTool } from '../run-tool.ts';

const PACKAGE_MANAGERS = ['apt', 'dnf', 'pacman', 'brew'] as const;
export type PackageManager = (typeof PACKAGE_MANAGERS)[number];

/** Names of the packages; none where the system has the tool anyway. */
export type Packages = Readonly<Record<PackageManager, readonly string[]>>;

export const QEMU_PACKAGES: Readonly<Record<Board['qemuSystem'], Packages>> = {
  'qemu-system-x86_64': {
    apt: ['qemu-system-x86'],
    dnf: ['qemu-system-x86-core'],
    pacman: ['qemu-system-x86'],
    brew: ['qemu'],
  },
  'qemu-system-aarch64': {
    apt: ['qemu-system-arm'],
    dnf: ['qemu-system-aarch64-core'],
    pacman: ['qemu-system-aarch64'],
    brew: ['qemu'],
  },
};

export const FIRMWARE_PACKAGES: Readonly<Record<UefiBuild, Packages>> = {
  ovmf: { apt: ['ovmf'], dnf: ['edk2-ovmf'], pacman: ['edk2-ovmf'], brew: ['qemu'] },
  aavmf: { apt: ['qemu-efi-aarch64'], dnf: ['edk2-aarch64'], pacman: ['edk2-aarch64'], brew: ['qemu'] },
};

export const GO_PACKAGES: Packages = { apt: ['golang-go'], dnf: ['golang'], pacman: ['go'], brew: ['go'] };
export const NODE_PACKAGES: Packages = {
  apt: ['nodejs', 'npm'],
  dnf: ['nodejs', 'npm'],
  pacman: ['nodejs', 'npm'],
  brew: ['node'],
};
export const LSBLK_PACKAGES: Packages = {
  apt: ['util-linux'],
  dnf: ['util-linux'],
  pacman: ['util-linux'],
  brew: [],
};

const INSTALL_COMMANDS: Readonly<Record<PackageManager, readonly string[]>> = {
  apt: ['apt-get', 'install', '--yes', '--no-install-recommends'],
  dnf: ['dnf', 'install', '--assumeyes'],
  pacman: ['pacman', '--sync', '--needed', '--noconfirm'],
  brew: ['brew', 'install'],
};

export interface InstallCommand {
  manager: PackageManager;
  argv: readonly string[];
}

/** The package manager of this computer; undefined on one that we do not know. */
export async function detectPackageManager(): Promise<PackageManager | undefined> {
  // A Linux box with Homebrew beside its own package manager is served by its own.
  for (const manager of PACKAGE_MANAGERS) {
    if (await findTool(manager === 'apt' ? 'apt-get' : manager, process.env)) return manager;
  }
  return undefined;
}

/** The command with sudo where the user needs it. Undefined when there is nothing to install. */
export function installCommandFor(
  manager: PackageManager,
  tools: readonly Packages[],
): InstallCommand | undefined {
  const names = [...new Set(tools.flatMap((packages) => packages[manager]))];
  if (names.length === 0) return undefined;
  const needsRoot = manager !== 'brew' && process.getuid?.() !== 0;
  return { manager, argv: [...(needsRoot ? ['sudo'] : []), ...INSTALL_COMMANDS[manager], ...names] };
}

/** The command that installs `tools` here; undefined where the package manager is not known. */
export async function installCommand(tools: readonly Packages[]): Promise<InstallCommand | undefined> {
  const manager = await detectPackageManager();
  return manager === undefined ? undefined : installCommandFor(manager, tools);
}

/** A hint: the one command for this computer, or those of all that we know. */
export async function describeInstall(tools: readonly Packages[]): Promise<string> {
  const command = await installCommand(tools);
  if (command) return `Install it with: ${command.argv.join(' ')}`;
  const lines = PACKAGE_MANAGERS.flatMap(
    (manager) => installCommandFor(manager, tools)?.argv.join(' ') ?? [],
  );
  return `Install it, for example with one of:\n  ${lines.join('\n  ')}`;
}

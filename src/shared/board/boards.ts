// What differs between the boards that an image can be built for. One row a board; nothing else
// in the code base compares a board's id to decide such a thing.

export const BOARD_IDS = ['pc-amd64', 'pc-arm64'] as const;
export type BoardId = (typeof BOARD_IDS)[number];
/** Those to come, whose names are refused as such. */
export const PLANNED_BOARDS: readonly string[] = ['raspberry-pi'];

export interface Board {
  id: BoardId;
  title: string;
  /** `process.arch` of the board's Node.js; also npm's `--cpu`. */
  nodeArch: 'x64' | 'arm64';
  goArch: 'amd64' | 'arm64';
  debianArch: 'amd64' | 'arm64';
  /** `e_machine` of the board's ELF files (ELF specification, figure 1-4 and its registry). */
  elfMachine: number;
  /** Debian's multi-arch directory below /lib and /usr/lib. */
  gnuTriplet: 'x86_64-linux-gnu' | 'aarch64-linux-gnu';
  /** Absolute path that the board's ELF files name as their interpreter. */
  dynamicLinker: string;
  /** Go module that carries the default kernel. */
  kernelModule: string;
  /** systemd-boot: where the Debian package has it, and the removable-media path of UEFI section 3.5.1.1. */
  efiLoader: { packagePath: string; bootPath: string };
  /** Value of `console=` when the instance does not say. */
  serialConsole: string;
  /** Kernel arguments that only this board needs. */
  kernelArgs: readonly string[];
  /** What the default kernel was built with, where the boards' differ. */
  kernelFeatures: {
    /** CONFIG_MEMCG: the memory of an app can be limited. */
    memoryController: boolean;
  };
  qemuSystem: 'qemu-system-x86_64' | 'qemu-system-aarch64';
}

export const BOARDS: Readonly<Record<BoardId, Board>> = {
  'pc-amd64': {
    id: 'pc-amd64',
    title: 'PC or VM with UEFI, 64-bit x86',
    nodeArch: 'x64',
    goArch: 'amd64',
    debianArch: 'amd64',
    elfMachine: 62,
    gnuTriplet: 'x86_64-linux-gnu',
    dynamicLinker: '/lib64/ld-linux-x86-64.so.2',
    kernelModule: 'github.com/gokrazy/kernel.amd64',
    efiLoader: {
      packagePath: 'usr/lib/systemd/boot/efi/systemd-bootx64.efi',
      bootPath: 'EFI/BOOT/BOOTX64.EFI',
    },
    serialConsole: 'ttyS0,115200',
    // Some PCs' firmware has a wrong MMCONFIG table; the kernel module's own command line sets this too.
    kernelArgs: ['pci=nommconf'],
    kernelFeatures: { memoryController: false },
    qemuSystem: 'qemu-system-x86_64',
  },
  'pc-arm64': {
    id: 'pc-arm64',
    title: 'PC, server or VM with UEFI, 64-bit Arm',
    nodeArch: 'arm64',
    goArch: 'arm64',
    debianArch: 'arm64',
    elfMachine: 183,
    gnuTriplet: 'aarch64-linux-gnu',
    dynamicLinker: '/lib/ld-linux-aarch64.so.1',
    kernelModule: 'github.com/gokrazy/kernel.arm64',
    efiLoader: {
      packagePath: 'usr/lib/systemd/boot/efi/systemd-bootaa64.efi',
      bootPath: 'EFI/BOOT/BOOTAA64.EFI',
    },
    serialConsole: 'ttyAMA0,115200',
    kernelArgs: [],
    kernelFeatures: { memoryController: true },
    qemuSystem: 'qemu-system-aarch64',
  },
};

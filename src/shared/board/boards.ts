// What differs between the boards that an image can be built for. One row a board; nothing else
// in the code base compares the id of a board or of an architecture to decide such a thing.

export const BOARD_IDS = ['pc-amd64', 'pc-arm64', 'raspberry-pi'] as const;
export type BoardId = (typeof BOARD_IDS)[number];

/** Of a new instance. */
export const DEFAULT_BOARD: BoardId = 'raspberry-pi';

/** systemd-boot on UEFI. */
export interface SystemdBoot {
  kind: 'systemd-boot';
  /** Path of the loader in the Debian package. */
  packagePath: string;
  /** The removable-media path of UEFI section 3.5.1.1. */
  bootPath: string;
}

/** The firmware of a Raspberry Pi, which reads config.txt and starts the kernel itself. */
interface RaspberryPiFirmware {
  kind: 'raspberry-pi-firmware';
}

/** What starts the kernel: src/shared/boot-loader/ and src/device/boot-loader/ have a part for each kind. */
export type BoardBoot = SystemdBoot | RaspberryPiFirmware;

export type UefiBuild = 'ovmf' | 'aavmf';

/** `process.arch` of a board's Node.js; also npm's `--cpu`. */
export type NodeArch = 'x64' | 'arm64';

export interface Board {
  id: BoardId;
  title: string;
  /** Name that `uname -m` gives it. */
  machine: 'x86_64' | 'aarch64';
  nodeArch: NodeArch;
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
  boot: BoardBoot;
  /** GPT type of the root partition that a new disk starts from (Discoverable Partitions Specification). */
  rootPartitionType: 'rootAmd64' | 'rootArm64';
  /** Value of `console=` when the instance does not say. */
  serialConsole: string;
  /** Kernel arguments that only this board needs. */
  kernelArgs: readonly string[];
  /** What the default kernel was built with, where the boards' differ. */
  kernelFeatures: {
    /** CONFIG_MEMCG: the memory of an app can be limited. */
    memoryController: boolean;
  };
  /** Its radios are known, and Debian has firmware for them (host/components/wifi-components.ts). */
  hasWifiFirmware: boolean;
  qemuSystem: 'qemu-system-x86_64' | 'qemu-system-aarch64';
  qemuMachine: 'q35' | 'virt';
  /** Of QEMU's processors the one that an emulated machine gets. */
  emulatedCpu: string;
  /** Which builds of UEFI firmware start virtual machines (host/doctor/uefi-firmware.ts); null: the board has no UEFI. */
  vmFirmware: UefiBuild | null;
}

/** What boards of 64-bit Arm have in common. */
const ARM64 = {
  machine: 'aarch64',
  nodeArch: 'arm64',
  goArch: 'arm64',
  debianArch: 'arm64',
  elfMachine: 183,
  gnuTriplet: 'aarch64-linux-gnu',
  dynamicLinker: '/lib/ld-linux-aarch64.so.1',
} as const;

export const BOARDS: Readonly<Record<BoardId, Board>> = {
  'pc-amd64': {
    id: 'pc-amd64',
    title: 'PC or VM with UEFI, 64-bit x86',
    machine: 'x86_64',
    nodeArch: 'x64',
    goArch: 'amd64',
    debianArch: 'amd64',
    elfMachine: 62,
    gnuTriplet: 'x86_64-linux-gnu',
    dynamicLinker: '/lib64/ld-linux-x86-64.so.2',
    kernelModule: 'github.com/gokrazy/kernel.amd64',
    boot: {
      kind: 'systemd-boot',
      packagePath: 'usr/lib/systemd/boot/efi/systemd-bootx64.efi',
      bootPath: 'EFI/BOOT/BOOTX64.EFI',
    },
    rootPartitionType: 'rootAmd64',
    serialConsole: 'ttyS0,115200',
    kernelArgs: [
      // Some PCs' firmware has a wrong MMCONFIG table; the kernel module's own command line sets this too.
      'pci=nommconf',
      // The kernel counts ticks for some 40 ms, and panics ("IO-APIC + timer doesn't work") on a virtual machine that has to
      // wait for its processor meanwhile. Hardware that needs the check is older than UEFI.
      'no_timer_check',
    ],
    kernelFeatures: { memoryController: false },
    hasWifiFirmware: false,
    qemuSystem: 'qemu-system-x86_64',
    qemuMachine: 'q35',
    // x86-64-v2, of which add-ons on npm take for granted what QEMU's default lacks (SSE 4): they die of SIGILL there.
    emulatedCpu: 'Nehalem',
    vmFirmware: 'ovmf',
  },
  'pc-arm64': {
    id: 'pc-arm64',
    title: 'PC, server or VM with UEFI, 64-bit Arm',
    ...ARM64,
    kernelModule: 'github.com/gokrazy/kernel.arm64',
    boot: {
      kind: 'systemd-boot',
      packagePath: 'usr/lib/systemd/boot/efi/systemd-bootaa64.efi',
      bootPath: 'EFI/BOOT/BOOTAA64.EFI',
    },
    rootPartitionType: 'rootArm64',
    serialConsole: 'ttyAMA0,115200',
    kernelArgs: [],
    kernelFeatures: { memoryController: true },
    hasWifiFirmware: false,
    qemuSystem: 'qemu-system-aarch64',
    qemuMachine: 'virt',
    emulatedCpu: 'cortex-a72',
    vmFirmware: 'aavmf',
  },
  'raspberry-pi': {
    id: 'raspberry-pi',
    title: 'Raspberry Pi 3, 4, 400, 5, 500, CM4, CM5 or Zero 2 W',
    ...ARM64,
    kernelModule: 'github.com/gokrazy/kernel.rpi',
    boot: { kind: 'raspberry-pi-firmware' },
    rootPartitionType: 'rootArm64',
    // The firmware puts the name of the port on the 40-pin header in its place, which differs from model to model.
    serialConsole: 'serial0,115200',
    // The arguments in the device trees, which come first, say `cgroup_disable=memory`.
    kernelArgs: ['cgroup_enable=memory'],
    kernelFeatures: { memoryController: true },
    hasWifiFirmware: true,
    qemuSystem: 'qemu-system-aarch64',
    qemuMachine: 'virt',
    emulatedCpu: 'cortex-a53',
    vmFirmware: null,
  },
};

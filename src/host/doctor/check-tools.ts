// Looks whether this computer has what tsk calls: what is there, what is missing, and what for.

import { BOARDS, BOARD_IDS, type BoardId } from '../../shared/board/boards.ts';
import { goProxies } from '../components/go-proxy.ts';
import { findTool, runTool } from '../run-tool.ts';
import {
  FIRMWARE_PACKAGES,
  GO_PACKAGES,
  LSBLK_PACKAGES,
  NODE_PACKAGES,
  QEMU_PACKAGES,
  type Packages,
} from './packages.ts';
import { lookForFirmware } from './uefi-firmware.ts';

/** `build`: make images; `vm`: boot them; `flash`: write disks; `all`: everything that tsk does. */
export type ToolPurpose = 'build' | 'vm' | 'flash' | 'all';

export interface ToolCheck {
  id: string;
  title: string;
  /** What it is for, as the end of the sentence "needed for". */
  neededFor: string;
  state: 'ok' | 'missing' | 'too-old';
  /** Whether nothing works without the tool; the others only limit what can be done. */
  isRequired: boolean;
  version: string | null;
  /** The program or file that was found. */
  path: string | null;
  /** What is wrong, or what happens without it; null when all is well. */
  note: string | null;
  packages: Packages;
}

export async function checkTools(
  purpose: ToolPurpose,
  boards: readonly BoardId[] = BOARD_IDS,
): Promise<ToolCheck[]> {
  const wants = (candidate: ToolPurpose): boolean => purpose === candidate || purpose === 'all';
  const checks: Promise<ToolCheck>[] = [];
  if (wants('build')) checks.push(checkNode(), checkNpm(), checkGo(), checkApt());
  if (wants('vm')) checks.push(...boards.flatMap((board) => [checkQemu(board), ...checkFirmware(board)]));
  if (wants('flash') && process.platform === 'linux') checks.push(checkLsblk());
  return Promise.all(checks);
}

interface ProgramCheck {
  id: string;
  title: string;
  neededFor: string;
  program: string;
  versionArgs: readonly string[];
  isRequired: boolean;
  /** Oldest version that works, and what goes wrong with an older one. */
  minimum?: readonly [version: string, problem: string];
  whenMissing: string;
  packages: Packages;
}

async function checkProgram(check: ProgramCheck): Promise<ToolCheck> {
  const { id, title, neededFor, isRequired, packages } = check;
  const base = { id, title, neededFor, isRequired, packages };
  const path = await findTool(check.program, process.env);
  if (path === undefined)
    return { ...base, state: 'missing', version: null, path: null, note: check.whenMissing };
  const version = await askVersion(path, check.versionArgs);
  if (check.minimum && version !== null && isOlder(version, check.minimum[0])) {
    const note = `${check.minimum[0]} or newer is needed: ${check.minimum[1]}`;
    return { ...base, state: 'too-old', version, path, note };
  }
  return { ...base, state: 'ok', version, path, note: null };
}

/** The first number with dots that the program prints; null when it prints none. */
async function askVersion(path: string, args: readonly string[]): Promise<string | null> {
  const { stdout } = await runTool(path, args, { environment: process.env, directory: '.' });
  return /\d+(?:\.\d+)+/.exec(stdout)?.[0] ?? null;
}

export function isOlder(version: string, minimum: string): boolean {
  const parts = version.split('.').map(Number);
  for (const [index, wanted] of minimum.split('.').map(Number).entries()) {
    const got = parts[index] ?? 0;
    if (got !== wanted) return got < wanted;
  }
  return false;
}

/** The one that runs tsk; bin/tsk.ts has refused an older one already. */
async function checkNode(): Promise<ToolCheck> {
  return {
    id: 'node',
    title: 'Node.js',
    neededFor: 'tsk itself',
    state: 'ok',
    isRequired: true,
    version: process.versions.node,
    path: process.execPath,
    note: null,
    packages: NODE_PACKAGES,
  };
}

function checkNpm(): Promise<ToolCheck> {
  return checkProgram({
    id: 'npm',
    title: 'npm',
    neededFor: 'downloading Node.js for the board and the packages of apps',
    program: 'npm',
    versionArgs: ['--version'],
    isRequired: true,
    // The same minimum stands in host/apps/packages/npm-tool.ts. npm 10.4 and 10.5 are broken for this
    // (lovell/sharp#4080).
    minimum: ['10.9', 'older ones do not install reliably for another machine'],
    whenMissing: 'images cannot be built without it',
    packages: NODE_PACKAGES,
  });
}

/** The kernels are Go modules, and no proxy is known by default: without Go somebody has to name one. */
async function checkGo(): Promise<ToolCheck> {
  const hasProxy = await goProxies(process.env).then(
    () => true,
    () => false,
  );
  const check = await checkProgram({
    id: 'go',
    title: 'Go',
    neededFor: 'downloading the kernel, and apps written in Go',
    program: 'go',
    versionArgs: ['version'],
    isRequired: false,
    minimum: ['1.21', 'it fetches the version that a module asks for by itself'],
    whenMissing: hasProxy
      ? 'apps with "go" cannot be built; everything else can'
      : 'the kernel cannot be downloaded, unless GOPROXY names a Go module proxy',
    packages: GO_PACKAGES,
  });
  // An old one downloads as well as a new one.
  return { ...check, isRequired: check.state === 'missing' && !hasProxy };
}

function checkApt(): Promise<ToolCheck> {
  const hasMirror = (process.env['TSK_DEBIAN_MIRROR'] ?? '') !== '';
  return checkProgram({
    id: 'apt',
    title: 'apt',
    neededFor: 'downloading Debian packages with their signatures checked',
    program: 'apt-get',
    versionArgs: ['--version'],
    isRequired: !hasMirror,
    whenMissing: hasMirror
      ? 'not needed: they come from TSK_DEBIAN_MIRROR, checked against the lock'
      : 'they cannot be downloaded, unless TSK_DEBIAN_MIRROR names a Debian mirror',
    packages: { apt: [], dnf: [], pacman: [], brew: [] },
  });
}

function checkLsblk(): Promise<ToolCheck> {
  return checkProgram({
    id: 'lsblk',
    title: 'lsblk',
    neededFor: 'tsk flash',
    program: 'lsblk',
    versionArgs: ['--version'],
    isRequired: false,
    whenMissing: 'disks cannot be listed nor checked',
    packages: LSBLK_PACKAGES,
  });
}

function checkQemu(board: BoardId): Promise<ToolCheck> {
  return checkProgram({
    id: `qemu-${board}`,
    title: `QEMU for ${board}`,
    neededFor: `tsk vm with board ${board}`,
    program: BOARDS[board].qemuSystem,
    versionArgs: ['--version'],
    isRequired: false,
    minimum: ['7.0', 'older ones lack machine options that tsk uses'],
    whenMissing: 'images for this board cannot be booted here',
    packages: QEMU_PACKAGES[BOARDS[board].qemuSystem],
  });
}

/** Nothing for a board that has no UEFI. */
function checkFirmware(board: BoardId): Promise<ToolCheck>[] {
  const { vmFirmware } = BOARDS[board];
  return vmFirmware === null ? [] : [checkUefi(board, FIRMWARE_PACKAGES[vmFirmware])];
}

async function checkUefi(board: BoardId, packages: Packages): Promise<ToolCheck> {
  const firmware = await lookForFirmware(BOARDS[board]);
  return {
    id: `uefi-${board}`,
    title: `UEFI firmware for ${board}`,
    neededFor: `tsk vm with board ${board}`,
    state: firmware ? 'ok' : 'missing',
    isRequired: false,
    version: null,
    path: firmware?.codePath ?? null,
    note: firmware ? null : 'images for this board cannot be booted here',
    packages,
  };
}

// A card for a Raspberry Pi as reference tools make it: sgdisk the GPT, sfdisk the MBR, mkfs.fat and mcopy the files, dtc the
// device trees. None of our own code has written a byte of it.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type ByteSource, sourceOfBytes } from '../../../src/formats/byte-source.ts';
import { atTheEnd } from '../at-the-end.ts';
import { findTool, requireTool } from '../require-tool.ts';
import { SECTOR_BYTES } from './boot-partition.ts';
import { PI_MODELS } from './pi-models.ts';

const MIB = 2 ** 20;
const CARD_BYTES = 48 * MIB;
export const FIRST_SECTOR = 8192;
const PARTITION_SECTORS = (40 * MIB) / SECTOR_BYTES;
const TOOLS = ['sgdisk', 'sfdisk', 'mkfs.fat', 'mcopy', 'dtc'];

/** As a file's content; undefined takes a file away. */
export type CardFiles = Readonly<Record<string, string | Buffer | undefined>>;

/** Whether the tools are here; marks the test as skipped if not. */
export function canMakeCards(t: TestContext): boolean {
  return TOOLS.every((name) => requireTool(t, name) !== undefined);
}

/** The text of config.txt that all cards here begin with. */
export const CONFIG = 'arm_64bit=1\nkernel=vmlinuz\nos_prefix=a/\n';

/** A card from which every model starts slot a. */
export function wholeCard(changes: CardFiles = {}): CardFiles {
  return {
    'bootcode.bin': 'bootcode',
    'start.elf': 'start',
    'fixup.dat': 'fixup',
    'start4.elf': 'start4',
    'fixup4.dat': 'fixup4',
    'config.txt': CONFIG,
    'tryboot.txt': CONFIG.replace('a/', 'b/'),
    ...slotFiles('a'),
    ...slotFiles('b'),
    ...changes,
  };
}

function slotFiles(slot: string): CardFiles {
  const trees = PI_MODELS.flatMap(({ deviceTrees, platform }) =>
    deviceTrees.map((name) => [`${slot}/${name}`, deviceTree(platform)] as const),
  );
  return {
    [`${slot}/vmlinuz`]: gzipSync(fakeKernel()),
    ...Object.fromEntries(trees),
    [`${slot}/cmdline.txt`]: `console=serial0,115200 tskrazy.slot=${slot}   \n`,
    [`${slot}/overlays/README`]: 'Take overlays from here.\n',
    [`${slot}/overlays/overlay_map.dtb`]: overlayMap(),
    [`${slot}/overlays/bcm2712d0.dtbo`]: overlay(),
    [`${slot}/overlays/w1-gpio.dtbo`]: overlay('gpiopin'),
    [`${slot}/overlays/vc4-kms-v3d-pi5.dtbo`]: overlay(),
  };
}

/** The arm64 image header has its magic at 0x38 (Linux, Documentation/arch/arm64/booting.rst). */
export function fakeKernel(): Buffer {
  const image = Buffer.alloc(4096);
  image.write('ARMd', 0x38, 'latin1');
  return image;
}

export function deviceTree(platform: string): Buffer {
  return compileTree(`compatible = "raspberrypi,test", "brcm,${platform}";
    chosen { bootargs = "coherent_pool=1M cgroup_disable=memory"; };
    soc { usb@7e980000 { compatible = "brcm,bcm2708-usb"; }; };
    __overrides__ { audio = ""; i2c_arm = ""; };`);
}

function overlay(parameter?: string): Buffer {
  return compileTree(parameter === undefined ? '' : `__overrides__ { ${parameter} = ""; };`);
}

function overlayMap(): Buffer {
  return compileTree(`old-name { renamed = "w1-gpio"; };
    gone { deprecated = "use w1-gpio"; };
    only-pi4 { bcm2711; };
    vc4-kms-v3d { bcm2835; bcm2711 = "vc4-kms-v3d-pi4"; bcm2712 = "vc4-kms-v3d-pi5"; };`);
}

const compiled = new Map<string, Buffer>();

/** `body`: what is between the braces of the root. */
export function compileTree(body: string): Buffer {
  const known = compiled.get(body);
  if (known) return known;
  const source = `/dts-v1/;\n/ { ${body} };\n`;
  const bytes = execFileSync(findTool('dtc')!, ['-q', '-I', 'dts', '-O', 'dtb'], { input: source });
  compiled.set(body, bytes);
  return bytes;
}

export interface CardOptions {
  fatBits?: 16 | 32;
  /** Lines of sfdisk's script, a partition each. None: the protective MBR of a GPT alone. */
  mbr?: readonly string[];
  hasGpt?: boolean;
}

/** What a card's MBR says of the boot partition. */
export const MBR_BOOT = `start=${FIRST_SECTOR}, size=${PARTITION_SECTORS}, type=c, bootable`;
export const MBR_PROTECTIVE = `start=1, size=${FIRST_SECTOR - 1}, type=ee`;

export async function makeCard(
  t: TestContext,
  files: CardFiles,
  options: CardOptions = {},
): Promise<ByteSource> {
  return sourceOfBytes(readFileSync(makeCardFile(t, files, options)));
}

/** Its path. */
export function makeCardFile(t: TestContext, files: CardFiles, options: CardOptions = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-pi-card-'));
  atTheEnd(t, () => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'card.img');
  writeFileSync(path, emptyCard(path, options));
  const there = Object.entries(files).filter(([, content]) => content !== undefined);
  for (const [name, content] of there) {
    const inDirectory = join(directory, 'root', name);
    mkdirSync(dirname(inDirectory), { recursive: true });
    writeFileSync(inDirectory, content!);
  }
  const names = new Set(there.map(([name]) => join(directory, 'root', name.split('/')[0]!)));
  run('mcopy', '-s', '-i', `${path}@@${FIRST_SECTOR * SECTOR_BYTES}`, ...names, '::');
  return path;
}

const emptyCards = new Map<string, Buffer>();

function emptyCard(scratchPath: string, options: CardOptions): Buffer {
  const key = JSON.stringify(options);
  const known = emptyCards.get(key);
  if (known) return known;
  const { fatBits = 16, mbr = [MBR_BOOT, MBR_PROTECTIVE], hasGpt = true } = options;
  writeFileSync(scratchPath, '');
  truncateSync(scratchPath, CARD_BYTES);
  if (hasGpt)
    run('sgdisk', `--new=1:${FIRST_SECTOR}:+${PARTITION_SECTORS}`, '--typecode=1:EF00', scratchPath);
  // The MBR alone is written again.
  const script = ['label: dos', 'unit: sectors', ...mbr, ''].join('\n');
  if (mbr.length > 0) feed(script, 'sfdisk', '-Y', 'dos', '--wipe', 'never', '--force', scratchPath);
  const clusterSectors = fatBits === 16 ? '4' : '1';
  const place = ['--offset', `${FIRST_SECTOR}`, scratchPath, `${PARTITION_SECTORS / 2}`];
  run('mkfs.fat', '-F', `${fatBits}`, '-s', clusterSectors, ...place);
  const bytes = readFileSync(scratchPath);
  emptyCards.set(key, bytes);
  return bytes;
}

function run(tool: string, ...args: string[]): void {
  feed('', tool, ...args);
}

function feed(input: string, tool: string, ...args: string[]): void {
  execFileSync(findTool(tool)!, args, { input, stdio: ['pipe', 'ignore', 'pipe'] });
}

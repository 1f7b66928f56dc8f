// What the rig knows of a board: the description of its boot loader says where things lie, and a reader says what the
// boot loader would make of them. The readers are the rig's own, so that a mistake in the description's formats is found.

import assert from 'node:assert/strict';
import type { ByteSource } from '../../../src/formats/byte-source.ts';
import { type BoardBoot, type BoardId, BOARDS } from '../../../src/shared/board/boards.ts';
import type { BootLoaderLayout } from '../../../src/shared/boot-loader/boot-loader-layout.ts';
import { renewedFiles } from '../../../src/shared/boot-loader/boot-loader-layout.ts';
import { layoutOf } from '../../../src/shared/boot-loader/layout-of.ts';
import { RASPBERRY_PI_LAYOUT } from '../../../src/shared/boot-loader/raspberry-pi.ts';
import type { Slot } from '../../../src/shared/board/slots.ts';
import { PREFIX_LAYOUT } from '../boot-loader/prefix-loader.ts';
import type { FatReader } from '../raspberry-pi/fat-reader.ts';
import { startFrom } from '../raspberry-pi/pi-firmware.ts';
import { piModel } from '../raspberry-pi/pi-models.ts';

export interface RigBoard {
  layout: BootLoaderLayout;
  /** The letter of the slot that the file starts; undefined: it starts nothing. */
  committedOf(commitFile: string): string | undefined;
  /** Words of the kernel command line; undefined: the file does not start the slot's own kernel. */
  wordsOf(ownFile: string, slot: string): readonly string[] | undefined;
  /** Throws unless the boot loader, by rules of its own, starts the slot without anything to complain of. */
  checkStart?(disk: ByteSource, slot: string, isOnTrial: boolean): Promise<void>;
}

type Reader = Omit<RigBoard, 'layout'>;

const READERS: Readonly<Record<BoardBoot['kind'], Reader>> = {
  'systemd-boot': {
    committedOf: (text) => /^default ([ab])\.conf\s*$/m.exec(text)?.[1],
    wordsOf(text, slot) {
      if (!new RegExp(`^linux /${slot}/vmlinuz *$`, 'm').test(text)) return undefined;
      return splitWords(/^options (.*)$/m.exec(text)?.[1]);
    },
  },
  'raspberry-pi-firmware': {
    committedOf: (text) => /^os_prefix=([ab])\/$/m.exec(text)?.[1],
    wordsOf: (text) => splitWords(text.split('\n')[0]),
    async checkStart(disk, slot, isTryboot) {
      for (const id of PI_PROCESSORS) {
        const { osPrefix, warnings, files } = await startFrom(disk, piModel(id), { isTryboot });
        if (id === PI_PROCESSORS[0]) await checkFirmware(files);
        assert.deepEqual(
          [osPrefix, warnings],
          [`${slot}/`, []],
          `what the firmware of a Raspberry Pi ${id} starts`,
        );
      }
    },
  },
};

/** Files that start together are of one build. */
async function checkFirmware(files: FatReader): Promise<void> {
  const paths = renewedFiles(RASPBERRY_PI_LAYOUT);
  const textOf = async (path: string): Promise<string | undefined> =>
    (await files.readFile(path))?.toString('latin1');
  const isOf = async (slot: Slot): Promise<boolean> => {
    for (const { path, inSlot } of paths)
      if ((await textOf(path)) !== (await textOf(`${slot}/${inSlot}`))) return false;
    return true;
  };
  assert.ok((await isOf('a')) || (await isOf('b')), 'the firmware is of neither build');
}

/** A model of each processor: the others read the same files but for their own device tree. */
const PI_PROCESSORS = ['3-b', '4-b', '5-b-d0'];

export function rigBoardOf(board: BoardId): RigBoard {
  const { boot } = BOARDS[board];
  return { layout: layoutOf(boot), ...READERS[boot.kind] };
}

/** The one that only tests have: each slot has its command line in its directory. */
export const PREFIX_RIG: RigBoard = {
  layout: PREFIX_LAYOUT,
  committedOf: (text) => /^os_prefix=([ab])\/$/m.exec(text)?.[1],
  wordsOf: (text) => splitWords(text.split('\n')[0]),
};

function splitWords(line: string | undefined): readonly string[] {
  return (line ?? '').trim().split(/\s+/);
}

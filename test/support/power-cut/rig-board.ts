// What the rig knows of a board: the description of its boot loader says where things lie, and a reader says what the
// boot loader would make of them. The readers are the rig's own, so that a mistake in the description's formats is found.

import { BOARDS, type BoardId } from '../../../src/shared/board/boards.ts';
import type { BootLoaderLayout } from '../../../src/shared/boot-loader/boot-loader-layout.ts';
import { layoutOf } from '../../../src/shared/boot-loader/layout-of.ts';
import { PREFIX_LAYOUT } from '../boot-loader/prefix-loader.ts';

export interface RigBoard {
  layout: BootLoaderLayout;
  /** The letter of the slot that the file starts; undefined: it starts nothing. */
  committedOf(commitFile: string): string | undefined;
  /** Words of the kernel command line; undefined: the file does not start the slot's own kernel. */
  wordsOf(ownFile: string, slot: string): readonly string[] | undefined;
}

const READERS = {
  'systemd-boot': {
    committedOf: (text: string) => /^default ([ab])\.conf\s*$/m.exec(text)?.[1],
    wordsOf(text: string, slot: string) {
      if (!new RegExp(`^linux /${slot}/vmlinuz *$`, 'm').test(text)) return undefined;
      return splitWords(/^options (.*)$/m.exec(text)?.[1]);
    },
  },
  'raspberry-pi-firmware': {
    committedOf: (text: string) => /^os_prefix=([ab])\/$/m.exec(text)?.[1],
    wordsOf: (text: string) => splitWords(text.split('\n')[0]),
  },
};

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

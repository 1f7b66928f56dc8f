// A program of the person's own, or a directory, that goes with a toolbox.

import { readFile, readlink, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { isElf } from '../../formats/elf.ts';
import type { Board } from '../../shared/board/boards.ts';
import { requireBoardElf } from '../components/board-elf.ts';
import { listTree } from '../files/list-tree.ts';
import { UserError } from '../user-error.ts';
import { fileOfBytes, symlinkTo, type ToolboxFile } from './pack-toolbox.ts';

/** A program comes to /usr/local/bin, a directory into root's home. */
export async function ownTool(path: string, board: Board): Promise<ToolboxFile[]> {
  const place = resolve(path);
  try {
    if (!(await stat(place)).isDirectory())
      return [await ownFile(place, `usr/local/bin/${basename(place)}`, board, 0o755)];
    const entries = (await listTree(place)).filter((entry) => entry.isFile() || entry.isSymbolicLink());
    return await Promise.all(
      entries.map(async (entry) => {
        const from = join(entry.parentPath, entry.name);
        const to = ['root', basename(place), ...relative(place, from).split(sep)].join('/');
        if (entry.isSymbolicLink()) return symlinkTo(to, await readlink(from));
        return ownFile(from, to, board, (await stat(from)).mode & 0o777);
      }),
    );
  } catch (cause) {
    if (cause instanceof UserError || !(cause instanceof Error && 'syscall' in cause)) throw cause;
    throw new UserError(`Cannot take "${path}" along: ${cause.message}`, { cause });
  }
}

async function ownFile(from: string, to: string, board: Board, mode: number): Promise<ToolboxFile> {
  const bytes = await readFile(from);
  if (isElf(bytes)) await requireBoardElf(board, 'toolbox', from, bytes);
  return fileOfBytes(to, mode, bytes);
}

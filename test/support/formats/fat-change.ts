// One change of a zone of a FAT volume by itself, from opening the volume to the last flush, as tests make them. The device
// makes several with one editor.

import type { ByteDevice, ByteSource } from '../../../src/formats/byte-source.ts';
import {
  type FatEditOptions,
  type FatEditor,
  type FatEditResult,
  openFatEditor,
} from '../../../src/formats/fat/editor.ts';

async function edit(
  device: ByteDevice,
  options: FatEditOptions,
  change: (editor: FatEditor) => Promise<void>,
): Promise<FatEditResult> {
  const editor = await openFatEditor(device, options);
  await change(editor);
  await editor.flush();
  return { keptApart: editor.keptApart };
}

export async function replaceFatFile(
  device: ByteDevice,
  path: string,
  content: ByteSource,
  options: FatEditOptions,
): Promise<FatEditResult> {
  return edit(device, options, (editor) => editor.replaceFile(path, content));
}

export async function removeFatFile(
  device: ByteDevice,
  path: string,
  options: FatEditOptions & { recursive?: boolean },
): Promise<FatEditResult> {
  return edit(device, options, (editor) => editor.remove(path, options));
}

export async function makeFatDirectory(
  device: ByteDevice,
  path: string,
  options: FatEditOptions,
): Promise<FatEditResult> {
  return edit(device, options, (editor) => editor.makeDirectory(path));
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ELF_MACHINE, readElf } from './elf.ts';
import { makeSmallElf } from './small-elf.ts';

test('makeSmallElf makes an executable of one segment, without interpreter or libraries', async () => {
  const code = Uint8Array.of(0xc3, 1, 2, 3);
  const bytes = makeSmallElf(ELF_MACHINE.aarch64, code);
  const { machine, type, interpreter, needed, segments } = await readElf(bytes);
  assert.deepEqual([machine, type, interpreter, needed], [ELF_MACHINE.aarch64, 2, undefined, []]);
  const [loaded] = segments;
  assert.equal(loaded?.fileSizeBytes, bytes.length);
  // Execution begins at the code.
  const entry = Number(new DataView(bytes.buffer).getBigUint64(24, true));
  assert.deepEqual(bytes.subarray(entry - (loaded?.virtualAddress ?? 0)), code);
});

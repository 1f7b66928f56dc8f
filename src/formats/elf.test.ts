import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { makeElf } from '../../test/support/formats/make-elf.ts';
import { ELF_MACHINE, isElf, readElf, readElfHeader } from './elf.ts';

const PROGRAM = makeElf({
  machine: ELF_MACHINE.aarch64,
  interpreter: '/lib/ld-linux-aarch64.so.1',
  needed: ['libm.so.6', 'libc.so.6'],
  runPath: '/opt/lib:$ORIGIN/../lib',
});

test('readElf says for which machine a program is and what it needs', async () => {
  const elf = await readElf(PROGRAM);
  assert.equal(elf.bits, 64);
  assert.equal(elf.byteOrder, 'little');
  assert.equal(elf.machine, ELF_MACHINE.aarch64);
  assert.equal(elf.interpreter, '/lib/ld-linux-aarch64.so.1');
  assert.deepEqual(elf.needed, ['libm.so.6', 'libc.so.6']);
  assert.deepEqual(elf.libraryPaths, ['/opt/lib', '$ORIGIN/../lib']);
  assert.equal(elf.soname, undefined);
  assert.equal(elf.isDynamic, true);
});

test('readElf tells a static program and a library apart', async () => {
  assert.equal((await readElf(makeElf({ machine: ELF_MACHINE.x86_64 }))).isDynamic, false);
  const library = await readElf(makeElf({ machine: ELF_MACHINE.x86_64, soname: 'libx.so.1', needed: [] }));
  assert.equal(library.soname, 'libx.so.1');
  assert.equal(library.isDynamic, false);
});

test('readElf agrees with process.arch about the Node.js that runs this test', async (t) => {
  const handle = await open(process.execPath);
  t.after(() => handle.close());
  const { size } = await handle.stat();
  const elf = await readElf({
    sizeBytes: size,
    read: async (offset, length) => (await handle.read(new Uint8Array(length), 0, length, offset)).buffer,
  });
  assert.equal(elf.machine, { x64: ELF_MACHINE.x86_64, arm64: ELF_MACHINE.aarch64 }[process.arch as 'x64']);
  assert.equal(elf.isDynamic, true);
  assert.ok(elf.needed.includes('libc.so.6'));
});

test('readElfHeader reads 32-bit big-endian files', async () => {
  const bytes = new Uint8Array(52 + 32);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 2, 1]);
  view.setUint16(16, 3);
  view.setUint16(18, 8);
  view.setUint32(28, 52);
  view.setUint16(42, 32);
  view.setUint16(44, 1);
  view.setUint32(52, 1);
  view.setUint32(52 + 8, 0x1000);
  view.setUint32(52 + 16, 84);
  const header = await readElfHeader(bytes);
  assert.equal(header.bits, 32);
  assert.equal(header.byteOrder, 'big');
  assert.equal(header.machine, 8);
  assert.deepEqual(header.segments, [{ type: 1, offsetBytes: 0, virtualAddress: 0x1000, fileSizeBytes: 84 }]);
});

test('readElf refuses what is no ELF file or ends too early', async () => {
  assert.equal(isElf(Buffer.from('#!/bin/sh')), false);
  await assert.rejects(readElf(Buffer.from('#!/bin/sh -- not an ELF file')), {
    name: 'SyntaxError',
    message: 'Cannot read ELF file: it does not start with the ELF magic',
  });
  await assert.rejects(readElf(PROGRAM.subarray(0, 100)), {
    name: 'SyntaxError',
    message: 'Cannot read ELF file: its program headers would end at byte 232, but the file ends at 100',
  });
  await assert.rejects(readElf(new Uint8Array(3)), { name: 'SyntaxError' });
});

test('readElf returns what was put in', async () => {
  const name = fc.stringMatching(/^[a-zA-Z0-9._+-]{1,20}$/);
  const spec = fc.record({
    machine: fc.integer({ min: 1, max: 300 }),
    interpreter: fc.constantFrom('/lib/ld.so', '/lib64/ld-linux-x86-64.so.2'),
    needed: fc.array(name, { maxLength: 5 }),
    soname: name,
    text: fc.uint8Array({ maxLength: 200 }),
    hasSymbols: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(spec, async (wanted) => {
      const { machine, interpreter, needed, soname } = await readElf(makeElf(wanted));
      assert.deepEqual(
        { machine, interpreter, needed, soname },
        {
          machine: wanted.machine,
          interpreter: wanted.interpreter,
          needed: wanted.needed,
          soname: wanted.soname,
        },
      );
    }),
    { seed: 4711, numRuns: 100 },
  );
});

test('readElf answers damaged files with a SyntaxError at worst', async () => {
  const damage = fc.array(fc.tuple(fc.nat(PROGRAM.length - 1), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(damage, fc.nat(PROGRAM.length), async (changes, length) => {
      const bytes = Uint8Array.from(PROGRAM);
      for (const [at, value] of changes) bytes[at] = value;
      for (const input of [bytes, bytes.subarray(0, length)]) {
        await readElf(input).catch((error: unknown) =>
          assert.ok(error instanceof SyntaxError, String(error)),
        );
      }
    }),
    { seed: 4712, numRuns: 500 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { makeKernelHead } from '../../test/support/formats/make-kernel.ts';
import { KERNEL_HEAD_BYTES, readKernelHeader } from './kernel-header.ts';

test('readKernelHeader knows an x86 bzImage and an arm64 Image with EFI stub', () => {
  assert.deepEqual(readKernelHeader(makeKernelHead('amd64')), { machine: 'x86_64', hasEfiStub: true });
  assert.deepEqual(readKernelHeader(makeKernelHead('arm64')), { machine: 'aarch64', hasEfiStub: true });
});

test('readKernelHeader sees that the EFI stub is missing or for another architecture', () => {
  for (const [architecture, machine] of [
    ['amd64', 'x86_64'],
    ['arm64', 'aarch64'],
  ] as const) {
    const plain = makeKernelHead(architecture);
    plain[0] = 0x90;
    assert.deepEqual(readKernelHeader(plain), { machine, hasEfiStub: false });
    const foreign = makeKernelHead(architecture, { peMachine: 0x1c2 });
    assert.deepEqual(readKernelHeader(foreign), { machine, hasEfiStub: false });
    const beyond = makeKernelHead(architecture);
    new DataView(beyond.buffer).setUint32(0x3c, 0xffffffff, true);
    assert.deepEqual(readKernelHeader(beyond), { machine, hasEfiStub: false });
  }
});

test('readKernelHeader says why an image is of no use', () => {
  const for32Bit = makeKernelHead('amd64');
  for32Bit[0x236] = 0;
  const messages = [
    [Buffer.from([0x1f, 0x8b, 8, 0]), 'it is compressed by gzip, and a plain image is needed'],
    [for32Bit, 'it is for 32-bit x86'],
    [Buffer.from('\x7fELF vmlinux'), 'it is neither an x86 bzImage nor an arm64 Image'],
    [new Uint8Array(), 'it is neither an x86 bzImage nor an arm64 Image'],
  ] as const;
  for (const [head, message] of messages) {
    assert.throws(() => readKernelHeader(head), {
      name: 'SyntaxError',
      message: `Cannot use kernel image: ${message}`,
    });
  }
});

test('readKernelHeader answers any bytes with a result or a SyntaxError', () => {
  const head = fc.tuple(
    fc.constantFrom(makeKernelHead('amd64'), makeKernelHead('arm64')),
    fc.array(fc.tuple(fc.nat(0x300), fc.nat(255)), { maxLength: 10 }),
    fc.nat(KERNEL_HEAD_BYTES),
  );
  fc.assert(
    fc.property(head, ([bytes, changes, length]) => {
      const damaged = Uint8Array.from(bytes);
      for (const [at, value] of changes) damaged[at] = value;
      try {
        readKernelHeader(damaged.subarray(0, length));
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
    }),
    { seed: 4716, numRuns: 500 },
  );
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { makeKernelHead } from '../../../test/support/formats/make-kernel.ts';
import { BOARDS } from '../../shared/board/boards.ts';
import { requireBoardKernel } from './board-kernel.ts';

const PC = BOARDS['pc-amd64'];

test('requireBoardKernel takes a kernel of the board that UEFI can start', () => {
  requireBoardKernel(PC, '"vmlinuz"', makeKernelHead('amd64'));
  requireBoardKernel(BOARDS['pc-arm64'], '"vmlinuz"', makeKernelHead('arm64'));
});

test('requireBoardKernel refuses a kernel of another machine, one without EFI stub, and what is none', () => {
  const hint = 'Correct the kernel in tskrazy.json, or run "tsk get -u"';
  const act = 'Cannot use component kernel for board pc-amd64: "vmlinuz" of "/my-kernel"';
  const withoutStub = makeKernelHead('amd64');
  withoutStub.fill(0, 0, 2);
  const none = ': Cannot use kernel image: it is neither an x86 bzImage nor an arm64 Image';
  const cases: [Uint8Array, string, string][] = [
    [makeKernelHead('arm64'), ' is for aarch64, the board needs x86_64', hint],
    [withoutStub, ' has no EFI stub', 'Use a kernel that was built with CONFIG_EFI_STUB=y'],
    [Buffer.from('no kernel'), none, hint],
    [new Uint8Array(10_000), none, hint],
  ];
  for (const [head, problem, helps] of cases) {
    assert.throws(() => requireBoardKernel(PC, '"vmlinuz" of "/my-kernel"', head), {
      name: 'UserError',
      message: `${act}${problem}`,
      hint: helps,
    });
  }
});

test('requireBoardKernel takes for a Raspberry Pi what its firmware does: also packed by gzip, also without EFI stub', () => {
  const pi = BOARDS['raspberry-pi'];
  const plain = makeKernelHead('arm64', { lengthBytes: 100_000 });
  const withoutStub = makeKernelHead('arm64');
  withoutStub.fill(0, 0, 2);
  const packed = gzipSync(plain);
  // As a file is read: its start alone.
  const head = gzipSync(Buffer.concat([plain, randomBytes(100_000)])).subarray(0, 20_000);
  for (const taken of [plain, withoutStub, packed, head]) requireBoardKernel(pi, '"vmlinuz"', taken);
  const act = 'Cannot use component kernel for board raspberry-pi: "vmlinuz"';
  const damaged = Buffer.from(packed);
  damaged.fill(0xff, 10, 40);
  const cases: [Uint8Array, string][] = [
    [damaged, ': Cannot use kernel image: its gzip is damaged (invalid block type)'],
    [packed.subarray(0, 15), ': Cannot use kernel image: it is neither an x86 bzImage nor an arm64 Image'],
    [gzipSync(makeKernelHead('amd64')), ' is for x86_64, the board needs aarch64'],
  ];
  for (const [refused, problem] of cases) {
    assert.throws(() => requireBoardKernel(pi, '"vmlinuz"', refused), {
      name: 'UserError',
      message: `${act}${problem}`,
      hint: 'Correct the kernel in tskrazy.json, or run "tsk get -u"',
    });
  }
  // UEFI inflates nothing.
  assert.throws(() => requireBoardKernel(BOARDS['pc-arm64'], '"vmlinuz"', packed), {
    message: /: it is compressed by gzip, and a plain image is needed$/,
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
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

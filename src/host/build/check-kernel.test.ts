import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeKernelHead } from '../../../test/support/formats/make-kernel.ts';
import { BOARDS } from '../../shared/board/boards.ts';
import { checkKernel } from './check-kernel.ts';
import type { Components } from './component-files.ts';

function kernelOf(t: TestContext, bytes: Uint8Array): Components {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-kernel-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'vmlinuz'), bytes);
  const file = { path: 'vmlinuz', kind: 'file', mode: 0o644, sizeBytes: bytes.length, sha256: '' } as const;
  return new Map([['kernel', { name: 'kernel', version: '6.1', directory, files: [file] }]]);
}

test('checkKernel takes a kernel of the board that UEFI can start', async (t) => {
  await checkKernel(kernelOf(t, makeKernelHead('amd64')), BOARDS['pc-amd64']);
  await checkKernel(kernelOf(t, makeKernelHead('arm64')), BOARDS['pc-arm64']);
});

test('checkKernel refuses a kernel of another architecture, one without EFI stub, and what is none', async (t) => {
  await assert.rejects(checkKernel(kernelOf(t, makeKernelHead('arm64')), BOARDS['pc-amd64']), {
    name: 'UserError',
    message: 'Cannot build for board "pc-amd64" with kernel 6.1: the kernel is for arm64, the board is amd64',
  });
  const withoutStub = makeKernelHead('amd64');
  withoutStub.fill(0, 0, 2);
  await assert.rejects(checkKernel(kernelOf(t, withoutStub), BOARDS['pc-amd64']), {
    name: 'UserError',
    message: 'Cannot build for board "pc-amd64" with kernel 6.1: UEFI cannot start it',
    hint: 'Build the kernel with CONFIG_EFI_STUB=y.',
  });
  for (const bytes of [Buffer.from('no kernel'), new Uint8Array(10_000)]) {
    await assert.rejects(checkKernel(kernelOf(t, bytes), BOARDS['pc-amd64']), {
      name: 'UserError',
      message: 'Cannot use kernel 6.1',
    });
  }
});

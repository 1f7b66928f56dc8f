// Files that come from elsewhere: programs, archives of components, what firmware keeps.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceOfBytes } from '../../../src/formats/byte-source.ts';
import { readAr } from '../../../src/formats/ar.ts';
import { decodeLoadOption, encodeLoadOption } from '../../../src/formats/efi-load-option.ts';
import { ELF_MACHINE, readElf } from '../../../src/formats/elf.ts';
import { planElfStrip } from '../../../src/formats/elf-strip.ts';
import { readKernelHeader } from '../../../src/formats/kernel-header.ts';
import { isPrivateKey } from '../../../src/host/apps/private-key.ts';
import { readDeb } from '../../../src/host/components/deb-package.ts';
import { readGoModuleZip } from '../../../src/host/components/go-module-zip.ts';
import { makeAr, makeDeb, makeZip } from '../../support/formats/make-archives.ts';
import { makeElf } from '../../support/formats/make-elf.ts';
import { makeKernelHead } from '../../support/formats/make-kernel.ts';
import { bytesOf } from '../../support/formats/fat-volume.ts';
import { type FuzzTarget, hasCode, isSyntaxError } from '../fuzz-target.ts';

/** Readers that want a file get this one, with other content each time. */
let path: string | undefined;

function asFile(input: Uint8Array): string {
  path ??= join(mkdtempSync(join(tmpdir(), 'tsk-fuzz-')), 'input');
  writeFileSync(path, input);
  return path;
}

const GUID = '60c24cc1-f3f9-427a-8199-3b8f1a2c0001';
const isVerdict = (error: unknown): boolean => isSyntaxError(error) || error instanceof RangeError;

export const FILE_TARGETS = {
  elf: {
    corpus: () => [
      makeElf({
        machine: ELF_MACHINE.aarch64,
        interpreter: '/lib/ld-linux-aarch64.so.1',
        needed: ['libm.so.6', 'libc.so.6'],
        runPath: '/opt/lib:$ORIGIN/../lib',
      }),
      makeElf({ machine: ELF_MACHINE.x86_64, soname: 'libx.so.1', needed: [], hasSymbols: true }),
    ],
    run: async (input) => {
      const { machine, needed, isDynamic } = await readElf(input);
      const plan = await planElfStrip(input).catch((error: unknown) => {
        // A TypeError is for programs that it does not strip: those of 32 bits, say.
        if (
          !isSyntaxError(error) &&
          !(error instanceof TypeError && error.message.startsWith('Cannot strip'))
        )
          throw error;
        return undefined;
      });
      return `${machine === ELF_MACHINE.x86_64} ${needed.length} ${isDynamic} ${plan !== undefined}`;
    },
    refuses: isSyntaxError,
  },
  ar: {
    corpus: () => [
      makeAr({ 'debian-binary': bytesOf('2.0\n'), 'control.tar': bytesOf('x'), 'odd/': bytesOf('abc') }),
    ],
    run: async (input) => `${(await readAr(sourceOfBytes(input))).length}`,
    refuses: isVerdict,
  },
  deb: {
    corpus: async () => [
      Uint8Array.from(await makeDeb({ 'usr/bin/x': { bytes: 'x' }, 'etc/y': { bytes: 'y' } })),
    ],
    run: async (input) => `${(await readDeb(asFile(input))).size}`,
    // Those of decompressors have codes.
    refuses: (error) =>
      isVerdict(error) || hasCode(error) || (error instanceof Error && error.message.startsWith('Cannot ')),
  },
  zip: {
    corpus: () => [makeZip({ 'x@v1/go.mod': 'module x\n', 'x@v1/a/b.go': 'package a\n' })],
    run: (input) => readGoModuleZip(asFile(input), { path: 'x', version: 'v1' }).then(() => undefined),
    refuses: isSyntaxError,
  },
  'efi-load-option': {
    corpus: () => [
      encodeLoadOption({
        attributes: 1,
        description: 'up',
        devicePath: [
          { kind: 'gpt-partition', number: 1, firstSector: 8192n, sectorCount: 0x80000n, guid: GUID },
          { kind: 'file', path: '\\X' },
        ],
        optionalData: Uint8Array.of(1, 2),
      }),
    ],
    run: (input) =>
      decodeLoadOption(input)
        .devicePath.map(({ kind }) => kind)
        .join(),
    refuses: isSyntaxError,
  },
  kernel: {
    corpus: () => [makeKernelHead('amd64'), makeKernelHead('arm64')],
    run: (input) => JSON.stringify(readKernelHeader(input)).slice(0, 60),
    refuses: isSyntaxError,
  },
  'private-key': {
    corpus: () => [
      bytesOf('-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5v\n'),
      Uint8Array.from(Buffer.from('308209c70201033082098d06092a864886f70d010701a082097e', 'hex')),
      bytesOf(`-----BEGIN RSA PRIVATE KEY-----\n${'Proc-Type: 4\n'.repeat(40)}`),
    ],
    run: (input) => `${isPrivateKey(Buffer.from(input))}`,
    refuses: () => false,
  },
} satisfies Record<string, FuzzTarget>;

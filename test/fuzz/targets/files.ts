// Files that come from elsewhere: programs, archives of components, what firmware keeps.

import * as yauzl from 'yauzl';
import { storedAddress } from '../../../src/device/net/lease-store.ts';
import { isIpv4Address } from '../../../src/formats/ipv4-address.ts';
import { sourceOfBytes } from '../../../src/formats/byte-source.ts';
import { readTopNodeNames } from '../../../src/formats/device-tree.ts';
import { readAr } from '../../../src/formats/ar.ts';
import { decodeLoadOption, encodeLoadOption } from '../../../src/formats/efi-load-option.ts';
import { ELF_MACHINE, readElf } from '../../../src/formats/elf.ts';
import { planElfStrip } from '../../../src/formats/elf-strip.ts';
import { readKernelHeader } from '../../../src/formats/kernel-header.ts';
import { isPrivateKey } from '../../../src/host/apps/private-key.ts';
import { readDebSource } from '../../../src/host/components/deb-package.ts';
import { readOpenedGoModuleZip } from '../../../src/host/components/go-module-zip.ts';
import { makeAr, makeDeb, makeZip } from '../../support/formats/make-archives.ts';
import { makeElf } from '../../support/formats/make-elf.ts';
import { makeKernelHead } from '../../support/formats/make-kernel.ts';
import { bytesOf } from '../../support/formats/fat-volume.ts';
import { overlayMap } from '../../support/raspberry-pi/made-up-kernel.ts';
import { type FuzzTarget, hasCode, isSyntaxError, json } from '../fuzz-target.ts';

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
    // What is not compressed gets its damage into the tar.
    corpus: async () => {
      const files = {
        'usr/bin/x': { bytes: 'x' },
        'etc/y': { hardLink: 'usr/bin/x' },
        l: { symlink: 'etc/y' },
      };
      const debs = (['none', 'none', 'gz', 'zst'] as const).map((compression) => makeDeb(files, compression));
      return (await Promise.all(debs)).map((deb) => Uint8Array.from(deb));
    },
    run: async (input) => `${Math.min(9, (await readDebSource(sourceOfBytes(input))).size)}`,
    // Those of decompressors have codes; the tar reader's have no class of their own.
    refuses: (error) =>
      isVerdict(error) || hasCode(error) || (error instanceof Error && error.constructor === Error),
  },
  zip: {
    corpus: () => [makeZip({ 'x@v1/go.mod': 'module x\n', 'x@v1/a/b.go': 'package a\n' })],
    run: async (input) => {
      const open = (): Promise<yauzl.ZipFile> =>
        yauzl.fromBufferPromise(Buffer.from(input), { autoClose: false, lazyEntries: true });
      await readOpenedGoModuleZip(open, 'x.zip', { path: 'x', version: 'v1' });
      return undefined;
    },
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
  'device-tree': {
    corpus: () => [overlayMap(['w1-gpio', 'disable-bt']), overlayMap([])],
    run: (input) => `${Math.min(9, readTopNodeNames(input).length)}`,
    refuses: isSyntaxError,
  },
  'lease-file': {
    corpus: () => [
      json({ formatVersion: 1, address: '10.0.2.15', prefixLength: 24, server: '10.0.2.2' }),
      json({ formatVersion: 1, address: null }),
    ],
    run: (input) => {
      let address: string | null;
      try {
        address = storedAddress(Buffer.from(input).toString());
      } catch (error) {
        // Each message of the engine's quotes its input, and would be taken for something new.
        if (isSyntaxError(error)) return 'no';
        throw error;
      }
      if (address !== null && !isIpv4Address(address)) throw new Error(`Took for an address: ${address}`);
      return `${address === null}`;
    },
    refuses: () => false,
    form: 'JSON',
  },
  'private-key': {
    corpus: () => [
      bytesOf('-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5v\n'),
      Uint8Array.from(Buffer.from('308209c70201033082098d06092a864886f70d010701a082097e', 'hex')),
      bytesOf(
        `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"${'a'.repeat(43)}"},{"kty":"oct","k":"AA"}]}`,
      ),
      bytesOf(`-----BEGIN RSA PRIVATE KEY-----\n${'Proc-Type: 4\n'.repeat(40)}`),
    ],
    run: (input) => `${isPrivateKey(Buffer.from(input))}`,
    refuses: () => false,
  },
} satisfies Record<string, FuzzTarget>;

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeAr, makeDeb } from '../../../test/support/formats/make-archives.ts';
import { makeElf } from '../../../test/support/formats/make-elf.ts';
import { BOARDS } from '../../shared/board/boards.ts';
import { readDeb } from './deb-package.ts';
import { dependenciesOf, parseStanzas } from './debian-control.ts';
import { DebianFiles } from './debian-files.ts';

async function save(t: TestContext, bytes: Uint8Array): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tsk-deb-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'package.deb');
  await writeFile(path, bytes);
  return path;
}

test('readDeb reads files, modes and links, however the package is compressed', async (t) => {
  const files = {
    'usr/bin/tool': { bytes: 'program', mode: 0o755 },
    'usr/bin/other': { hardLink: 'usr/bin/tool' },
    'usr/lib/libx.so.1': { symlink: 'libx.so.1.2' },
  };
  for (const compression of ['none', 'gz', 'zst'] as const) {
    const entries = await readDeb(await save(t, await makeDeb(files, compression)));
    const tool = entries.get('usr/bin/tool');
    assert.equal(Buffer.from(tool?.bytes ?? []).toString(), 'program');
    assert.equal(tool?.mode, 0o755);
    assert.equal(entries.get('usr/bin/other'), tool);
    assert.equal(entries.get('usr/lib/libx.so.1')?.target, 'libx.so.1.2');
  }
});

test('readDeb says what is wrong with a package', async (t) => {
  const deb = await makeDeb({ file: { bytes: 'x'.repeat(5000) } });
  const cases = [
    [Buffer.from('not a package'), /it does not start with "!<arch>"/],
    [makeAr({ 'data.tar': Buffer.alloc(0) }), /an ar archive, but no Debian package/],
    [makeAr({ 'debian-binary': Buffer.from('2.0\n') }), /an ar archive, but no Debian package/],
    [
      makeAr({ 'debian-binary': Buffer.from('2.0\n'), 'data.tar.lz': Buffer.alloc(9) }),
      /"data\.tar\.lz" is compressed/,
    ],
    [
      makeAr({ 'debian-binary': Buffer.from('2.0\n'), 'data.tar.gz': Buffer.from('junk') }),
      /incorrect header check/,
    ],
    [
      makeAr({ 'debian-binary': Buffer.from('2.0\n'), 'data.tar.xz': Buffer.from('junk') }),
      /Cannot read Debian package/,
    ],
    [deb.subarray(0, deb.length - 20), /but the archive at \d+/],
  ] as const;
  for (const [bytes, reason] of cases) {
    await assert.rejects(readDeb(await save(t, bytes)), (error: Error) => {
      assert.equal(error.name, 'SyntaxError');
      assert.match(error.message, /^Cannot read Debian package ".*package\.deb": /);
      assert.match(error.message, reason);
      return true;
    });
  }
});

test('DebianFiles follows symlinks across directories and packages, but not in circles', async (t) => {
  const files = new DebianFiles(BOARDS['pc-arm64'], 'libc');
  const first = {
    'usr/share/doc/libgcc-s1': { symlink: 'gcc-12-base' },
    'lib/loop': { symlink: '/lib/loop' },
  };
  const second = {
    'usr/share/doc/gcc-12-base/copyright': { bytes: 'licence' },
    lib64: { symlink: '/usr/lib' },
    'usr/lib/file': { bytes: 'x' },
    'usr/share/man/man1/tool.1': { bytes: 'manual' },
  };
  await files.addPackage('a', await save(t, await makeDeb(first)));
  await files.addPackage('a', await save(t, await makeDeb(second)));
  assert.equal(
    files.resolve('usr/share/doc/libgcc-s1/copyright')?.path,
    'usr/share/doc/gcc-12-base/copyright',
  );
  assert.equal(files.resolve('lib64/file')?.path, 'usr/lib/file');
  assert.equal(files.resolve('lib/loop'), undefined);
  assert.ok(!files.paths().includes('usr/share/man/man1/tool.1'));
  assert.throws(() => files.require('sbin/e2fsck', 'usr/sbin/e2fsck'), {
    name: 'UserError',
    message: 'Cannot use component libc: its Debian packages have no "sbin/e2fsck"',
  });
});

test('DebianFiles refuses a program for another architecture', async (t) => {
  const files = new DebianFiles(BOARDS['pc-arm64'], 'e2fsprogs');
  await files.addPackage(
    'a',
    await save(t, await makeDeb({ 'sbin/e2fsck': { bytes: makeElf({ machine: 62 }) } })),
  );
  const { entry } = files.require('sbin/e2fsck');
  // The check comes before the writer is asked for anything.
  await assert.rejects(files.addProgram(undefined as never, 'sbin/e2fsck', entry), {
    name: 'UserError',
    message:
      'Cannot use component e2fsprogs for board pc-arm64: "sbin/e2fsck" is for 64-bit x86, the board needs 64-bit Arm',
  });
});

test('parseStanzas and dependenciesOf read what apt-cache prints', () => {
  const text = `Package: e2fsprogs
Pre-Depends: libblkid1 (>= 2.36), libc6 (>= 2.34), libuuid1:any
Depends: logsave | other, libss2
Description: tools
 with two lines
 .

Package: next
`;
  const [first, second] = [...parseStanzas(text.split('\n'))];
  assert.equal(second?.['Package'], 'next');
  assert.equal(first?.['Description'], 'tools\nwith two lines\n.');
  assert.deepEqual(dependenciesOf(first ?? {}), ['libblkid1', 'libc6', 'libuuid1', 'logsave', 'libss2']);
});

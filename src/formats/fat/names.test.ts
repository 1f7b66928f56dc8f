import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  checkName,
  decodeShortName,
  exactShortName,
  foldName,
  formatShortName,
  needsLongName,
  ShortNames,
  shortNameChecksum,
} from './names.ts';

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (unit) => unit.charCodeAt(0));
}

function pickAll(...names: string[]): string[] {
  const shortNames = new ShortNames();
  return names.map((name) => formatShortName(shortNames.pick(name)));
}

test('ShortNames gives the names that other systems give', () => {
  const expected: [string, string][] = [
    ['gokrazy.conf', 'GOKRAZ~1.CON'],
    ['loader', 'LOADER'],
    ['vmlinuz', 'VMLINUZ'],
    ['cmdline.txt', 'CMDLINE.TXT'],
    ['BOOTX64.EFI', 'BOOTX64.EFI'],
    ['a.conf', 'A~1.CON'],
    ['bcm2710-rpi-3-b.dtb', 'BCM271~1.DTB'],
    ['.config', 'CONFIG~1'],
    ['archive.tar.gz', 'ARCHIV~1.GZ'],
    ['with space.txt', 'WITHSP~1.TXT'],
    ['a+b', 'A_B~1'],
    ['vmlinuz-6.12', 'VMLINU~1.12'],
    ['日本', '__~1'],
    ['.日', '_~1'],
  ];
  for (const [name, short] of expected) assert.deepEqual(pickAll(name), [short]);
});

test('ShortNames counts on where names collide, with fewer letters for more digits', () => {
  assert.deepEqual(pickAll('gokrazy.conf', 'gokrazz.conf', 'gokraz~3.con', 'gokraz00.conf'), [
    'GOKRAZ~1.CON',
    'GOKRAZ~2.CON',
    'GOKRAZ~3.CON',
    'GOKRAZ~4.CON',
  ]);
  const many = pickAll(...Array.from({ length: 12 }, (_, i) => `overlay-${i}.dtbo`));
  assert.equal(many[8], 'OVERLA~9.DTB');
  assert.equal(many[9], 'OVERL~10.DTB');
});

test('ShortNames stays quick with thousands of alike names', () => {
  const names = pickAll(...Array.from({ length: 5000 }, (_, i) => `some file ${i}`));
  assert.equal(new Set(names).size, 5000);
});

test('ShortNames gives each file a valid name of its own', () => {
  const anyName = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter((name) => {
    try {
      checkName(name);
      return true;
    } catch {
      return false;
    }
  });
  fc.assert(
    fc.property(fc.uniqueArray(anyName, { maxLength: 30 }), (names) => {
      const shortNames = pickAll(...names);
      assert.equal(new Set(shortNames).size, names.length);
      for (const name of shortNames)
        assert.equal(exactShortName(name) && formatShortName(exactShortName(name)!), name);
    }),
    { seed: 1, numRuns: 100 },
  );
});

test('needsLongName is false only for upper-case short names', () => {
  assert.equal(needsLongName('CONFIG.TXT', 'CONFIG  TXT'), false);
  assert.equal(needsLongName('config.txt', 'CONFIG  TXT'), true);
  assert.equal(needsLongName('A.CONF', 'A~1     CON'), true);
});

test('decodeShortName understands case bits, code page 437 and the escaped first byte', () => {
  assert.equal(decodeShortName(latin1('README  TXT'), 0), 'README.TXT');
  assert.equal(decodeShortName(latin1('README  TXT'), 0x08), 'readme.TXT');
  assert.equal(decodeShortName(latin1('README  TXT'), 0x18), 'readme.txt');
  assert.equal(decodeShortName(latin1('\u008ePFEL      '), 0), 'ÄPFEL');
  assert.equal(decodeShortName(latin1('\u0005A         '), 0), 'σA');
  assert.equal(decodeShortName(latin1('\u00ffA         '), 0), '\u00a0A');
});

test('shortNameChecksum is the one of the specification', () => {
  // From a volume that mtools wrote a file named vmlinuz-6.12 to.
  assert.equal(shortNameChecksum(new TextEncoder().encode('VMLINU~112 ')), 0x3e);
});

test('foldName equates upper and lower case only', () => {
  assert.equal(foldName('Größe.TXT'), foldName('grÖße.txt'));
  assert.notEqual(foldName('straße'), foldName('strasse'));
  assert.equal(foldName('😀a'), '😀A');
});

test('checkName refuses what FAT cannot hold', () => {
  for (const name of [
    '',
    '.',
    '..',
    'a/b',
    'a\\b',
    'a:b',
    'a\u0000',
    'a.',
    'a ',
    ' a',
    'a\ud800',
    'x'.repeat(256),
  ]) {
    assert.throws(() => checkName(name), TypeError, JSON.stringify(name));
  }
  for (const name of ['a', '.a', 'a b', 'x'.repeat(255), "+,;=[]'", '😀']) checkName(name);
});

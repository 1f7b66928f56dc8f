import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  askedOverlays,
  CONFIG_TXT_BYTES,
  changeSlot,
  configLinesProblem,
  formatConfigTxt,
  parseConfigTxt,
} from './config-txt.ts';

const ROOM = 431;

function problemOf(...lines: string[]): string | undefined {
  return configLinesProblem(lines)?.problem;
}

test('config.txt: our keys first, then the lines of the instance, and blank lines up to the end of the sector', () => {
  const text = formatConfigTxt('a', ['dtparam=audio=off', '[pi4]', 'dtoverlay=disable-bt']);
  assert.equal(text.length, CONFIG_TXT_BYTES);
  assert.equal(
    text.trimEnd(),
    `arm_64bit=1
enable_uart=1
kernel=vmlinuz
kernel_watchdog_timeout=60
os_prefix=a/
dtparam=audio=off
[pi4]
dtoverlay=disable-bt
# Blank lines fill the sector.`,
  );
});

test('config.txt: lines of any length that are let in come out, for either slot', () => {
  const setting = fc
    .stringMatching(/^[a-z]{3,10}=[ -~]{0,60}$/)
    .filter((line) => problemOf(line) === undefined);
  fc.assert(
    fc.property(fc.array(setting), fc.constantFrom('a', 'b'), (lines, slot) => {
      if (configLinesProblem(lines) !== undefined) {
        assert.throws(() => formatConfigTxt(slot, lines), RangeError);
        return;
      }
      const text = formatConfigTxt(slot, lines);
      assert.equal(text.length, CONFIG_TXT_BYTES);
      assert.equal(parseConfigTxt(text), slot);
      const other = slot === 'a' ? 'b' : 'a';
      assert.equal(changeSlot(text, other), formatConfigTxt(other, lines));
      for (const line of lines) assert.ok(text.split('\n').includes(line));
    }),
    { seed: 12 },
  );
});

test('config.txt: as many characters as fit, and not one more', () => {
  const full = [
    '#'.repeat(97),
    '#'.repeat(97),
    '#'.repeat(97),
    '#'.repeat(97),
    '#'.repeat(ROOM - 4 * 98 - 1),
  ];
  assert.equal(configLinesProblem(full), undefined);
  assert.equal(formatConfigTxt('a', full).length, CONFIG_TXT_BYTES);
  assert.deepEqual(configLinesProblem([...full.slice(0, 4), `${full[4]}#`]), {
    line: null,
    problem: 'have 432 characters with their ends; config.txt is one sector and has room for 431',
  });
});

test('config.txt: a text that names no slot is none', () => {
  for (const text of ['', 'os_prefix=', 'os_prefix=c/\n', '#os_prefix=a/\n', 'os_prefix=a\n']) {
    assert.throws(() => parseConfigTxt(text), SyntaxError, text);
  }
});

test('config.txt: what would break slots, trials or the start is refused with the reason', () => {
  const slots = 'tskrazy sets it, to start one slot or the other';
  const kernel = 'tskrazy sets it, because each slot starts its own kernel';
  const firmware = 'the image has no other firmware';
  const trial = 'it would change what a restart on trial starts';
  const fuse = 'it burns a fuse of the board for good, and no roll-back takes that back';
  const initramfs = 'the image has no initramfs';
  const reasons: Record<string, string> = {
    'os_prefix=b/': slots,
    'overlay_prefix=x/': slots,
    'cmdline=mine.txt': 'tskrazy writes the command line of each slot; kernel.extraArgs adds words to it',
    'kernel=mine.img': kernel,
    'kernel_address=0x80000': kernel,
    'kernel_old=1': kernel,
    'device_tree=mine.dtb': kernel,
    'device_tree_address=0x100': kernel,
    'device_tree_end=0x8000': kernel,
    'upstream_kernel=1': 'it makes the firmware look for other device trees',
    'armstub=mine.bin': firmware,
    'arm_64bit=0': kernel,
    'arm_control=0x200': kernel,
    'initramfs initrd.gz followkernel': initramfs,
    'auto_initramfs=1': initramfs,
    'ramfsfile=initrd.gz': initramfs,
    'ramfsaddr=0x2700000': initramfs,
    'include extra.txt': 'not every model reads other files, and no update would bring them',
    'start_file=start_db.elf': firmware,
    'fixup_file=fixup_db.dat': firmware,
    'start_x=1': firmware,
    'start_debug=1': firmware,
    'start_cd=1': firmware,
    'gpu_mem=16': 'with 16 or less the firmware looks for files that the image does not have',
    'gpu_mem_1024=016': 'with 16 or less the firmware looks for files that the image does not have',
    'boot_partition=2': trial,
    'boot_ramdisk=1': trial,
    'tryboot=1': trial,
    'tryboot_a_b=1': trial,
    'kernel_watchdog_timeout=0': 'tskrazy sets it, to notice a kernel that hangs',
    'kernel_watchdog_partition=1': 'tskrazy sets it, to notice a kernel that hangs',
    'program_gpio_bootmode=1': fuse,
    'program_pubkey=1': fuse,
    'program_rpiboot_gpio=8': fuse,
    'program_usb_boot_mode_too=1': fuse,
    'Program_JTAG_lock=1': fuse,
    'revoke_devkey=1': fuse,
    'eeprom_write_protect=1': fuse,
    '  OS_CHECK = 0': 'without the check a Raspberry Pi 5 hangs on a kernel that is not for it',
  };
  for (const [line, reason] of Object.entries(reasons)) {
    const key = /\w+/.exec(line)![0];
    assert.deepEqual(configLinesProblem(['# mine', line]), {
      line: 1,
      problem: `has "${key}", which cannot be set: ${reason}`,
    });
  }
});

test('config.txt: what is no line of it is refused', () => {
  assert.equal(problemOf('x'.repeat(99)), 'has 99 characters; the firmware reads 98 of a line');
  assert.equal(
    problemOf('dtparam=ä=1'),
    'has the character "ä" (U+00E4); config.txt takes ASCII in single lines',
  );
  assert.equal(problemOf('a=1\nb=2'), 'has a control character (10); config.txt takes ASCII in single lines');
  assert.equal(problemOf('[pi4'), 'begins a filter that no "]" ends');
  assert.equal(
    problemOf('[tryboot]'),
    'holds on trial only, and what is confirmed would not be what was tried',
  );
  assert.equal(problemOf('dtoverlay'), 'is neither a setting (key=value), a [filter] nor a # comment');
});

test('askedOverlays: by each name that the key has', () => {
  const lines = [
    'dtoverlay=w1-gpio,gpiopin=4',
    'device_tree_overlay=disable-bt',
    'dtoverlay=',
    '# dtoverlay=x',
  ];
  assert.deepEqual(askedOverlays(lines), [
    { line: 0, name: 'w1-gpio' },
    { line: 1, name: 'disable-bt' },
  ]);
});

test('config.txt: settings, filters, comments and blank lines are let in', () => {
  const lines = [
    '',
    '# os_prefix=b/',
    '[all]',
    '[0x12345678]',
    'dtoverlay=',
    'dtparam=i2c_arm=on',
    'gpu_mem=128',
    'device_tree_overlay=disable-bt',
    'device_tree_param=audio=on',
    'program_usb_boot_mode=1',
    'program_usb_boot_timeout=1',
  ];
  assert.equal(configLinesProblem(lines), undefined);
});

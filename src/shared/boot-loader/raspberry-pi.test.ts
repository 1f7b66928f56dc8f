import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { PI_MODELS } from '../../../test/support/raspberry-pi/pi-models.ts';
import { describeMissing, filesFrom, newCommitText } from './boot-loader-layout.ts';
import { formatConfigTxt } from './config-txt.ts';
import { RASPBERRY_PI_LAYOUT } from './raspberry-pi.ts';

const LAYOUT = RASPBERRY_PI_LAYOUT;

test('cmdline.txt lies in its slot, is one line, and has a size that no command line changes', () => {
  const word = fc.stringMatching(/^[!-~]{1,20}$/);
  fc.assert(
    fc.property(fc.constantFrom('a', 'b'), fc.array(word, { minLength: 1, maxLength: 40 }), (slot, words) => {
      const own = LAYOUT.ownFile(slot);
      const text = own.format(words.join(' '), own.sizeBytes);
      assert.equal(own.path, `${slot}/cmdline.txt`);
      assert.equal(text.length, 1024);
      assert.equal(text.indexOf('\n'), 1023);
      assert.deepEqual(own.parse(text), { kernelPath: `${slot}/vmlinuz`, cmdline: words.join(' ') });
    }),
    { seed: 7 },
  );
});

test('cmdline.txt: a command line that does not fit beside what the firmware adds is refused', () => {
  const own = LAYOUT.ownFile('a');
  assert.equal(own.format('x'.repeat(1023), own.sizeBytes).length, 1024);
  assert.throws(() => own.format('x'.repeat(1024), own.sizeBytes), {
    name: 'RangeError',
    message: 'the kernel command line has 1024 characters; there is room for 1023',
  });
  assert.throws(() => own.parse('no end of line'), SyntaxError);
});

test('what each model starts from is demanded of every kernel', () => {
  const demanded = filesFrom(LAYOUT, 'kernel');
  for (const { id, deviceTrees, overlay } of PI_MODELS) {
    assert.ok(demanded.includes(deviceTrees[0]!), `the device tree of ${id}`);
    if (overlay === undefined) continue;
    assert.match(
      describeMissing(LAYOUT, 'kernel', [...demanded, 'overlays/w1-gpio.dtbo']) ?? '',
      new RegExp(`^has no "overlays/${overlay}\\.dtbo", which `),
      id,
    );
  }
});

test('a new disk starts with the lines of the instance, which lie in the slot for its commit', () => {
  const settings = { bootloaderLines: ['dtparam=i2c_arm=on'] };
  assert.equal(newCommitText(LAYOUT, 'b', settings), formatConfigTxt('b', settings.bootloaderLines));
  const names = LAYOUT.writtenSlotFiles(settings).map(({ path }) => path);
  assert.deepEqual(names, ['overlays/README', 'config.txt']);
});

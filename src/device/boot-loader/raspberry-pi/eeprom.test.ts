import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordingSys } from '../../../../test/support/init/recording-sys.ts';
import { describeUnheardTrial, readEeprom } from './eeprom.ts';

function sysOf(compatible: string | null): RecordingSys {
  const sys = new RecordingSys();
  if (compatible !== null) sys.file('/proc/device-tree/compatible', compatible);
  return sys;
}

const UNHEARD =
  'the firmware did not try the new build, or that hung before its first log line. ' +
  'Switch the power off for a minute and update again; if that does not help: ';

test('a model without an EEPROM is told nothing of one, whatever its firmware puts into the tree', () => {
  for (const model of ['3-model-b', 'model-zero-2-w']) {
    using sys = sysOf(`raspberrypi,${model}\0brcm,bcm2837\0`);
    for (const boot of ['', 'boot-mode']) {
      if (boot !== '') sys.file(`/proc/device-tree/chosen/bootloader/${boot}`, Uint8Array.of(0, 0, 0, 1));
      const eeprom = readEeprom(sys);
      assert.equal(eeprom, null);
      assert.equal(
        describeUnheardTrial(sys, eeprom),
        `${UNHEARD}this model has no EEPROM, so look at its serial console for a kernel that hangs, and for newer ` +
          'firmware run "tsk get -u" and write the card anew by "tsk flash"',
      );
    }
  }
});

test('an EEPROM that tells nothing of itself can be updated, too', () => {
  for (const compatible of ['raspberrypi,4-model-b\0brcm,bcm2711\0', null]) {
    using sys = sysOf(compatible);
    const eeprom = readEeprom(sys);
    assert.equal(eeprom, null);
    const text = describeUnheardTrial(sys, eeprom);
    assert.ok(text.startsWith(`${UNHEARD}update the EEPROM (write "Bootloader"`), text);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelProblem } from './check-model.ts';

for (const model of [
  'Raspberry Pi 3 Model B Rev 1.2',
  'Raspberry Pi 3 Model B Plus Rev 1.3',
  'Raspberry Pi 5 Model B Rev 1.0',
  'Raspberry Pi Compute Module 4 Rev 1.1',
  'Raspberry Pi Zero 2 W Rev 1.0',
  'linux,dummy-virt',
  null,
]) {
  test(`a Raspberry Pi's image has nothing to say of the model ${model}`, () => {
    assert.equal(modelProblem('raspberry-pi', model), undefined);
  });
}

for (const model of [
  'Raspberry Pi 6 Model B Rev 1.0',
  'Raspberry Pi Compute Module 4S',
  'Hardkernel ODROID-C4',
]) {
  test(`a Raspberry Pi's image says that it does not know the model ${model}`, () => {
    assert.equal(
      modelProblem('raspberry-pi', model),
      `tskrazy does not know the model "${model}": some of its hardware may have no driver, and updates may fail to start`,
    );
  });
}

test('a PC may be of any model', () => {
  assert.equal(modelProblem('pc-amd64', 'LENOVO 10NUS1'), undefined);
});

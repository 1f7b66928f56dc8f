import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeDevicePackages, parseDevicePackages } from './device-packages.ts';

function describe(line: string): string | undefined {
  const packages = parseDevicePackages(line.split(' '));
  return packages && describeDevicePackages(packages);
}

test('what an app says of packages that it has installed, as a person reads it', () => {
  for (const [line, text] of [
    ['0', undefined],
    ['2 a@1.0.0 @some/b@2.0.0-rc.1', 'a@1.0.0, @some/b@2.0.0-rc.1'],
    ['5 a@1.0.0 !b@2.0.0', 'a@1.0.0 and 3 more; disabled: b@2.0.0'],
    ['1 !b@2.0.0', 'disabled: b@2.0.0'],
    // More names than it says that there are.
    ['1 a@1 b@2', 'a@1, b@2'],
    ['4 a@1 ../x@1 b@2 !c@\u001b[31m', 'a@1, b@2 and 2 more'],
    ['3 <b>@1 !b@2', '2 without a name; disabled: b@2'],
  ] as const)
    assert.equal(describe(line), text, line);
});

test('anything else than names and versions is not taken from an app', () => {
  for (const line of ['', 'a', '-1', '99999'])
    assert.equal(parseDevicePackages(line.split(' ')), undefined, line);
  for (const name of ['a', '<b>@1', 'a@\u001b[31m', '../x@1', `a@${'1'.repeat(65)}`])
    assert.equal(describe(`1 ${name}`), '1 without a name', name);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeSlowest, TestReport } from './test-report.ts';

test('the slowest tests are those whose own time is longest, without that of tests inside them', () => {
  const report = new TestReport();
  const took = (file: string, name: string, nesting: number, durationMs: number): void =>
    report.take({ file: `/checkout/${file}`, name, nesting, durationMs });
  took('boot.test.ts', 'deep', 2, 11_000);
  took('unit.test.ts', 'quick', 0, 40);
  took('boot.test.ts', 'first step', 1, 12_000);
  took('boot.test.ts', 'second step', 1, 3_000);
  took('boot.test.ts', 'boots', 0, 20_000);
  took('boot.test.ts', 'boots again', 0, 4_000);
  const [first, second, third, fourth] = describeSlowest(report.slowest(4), '/checkout').split('\n');
  assert.equal(first, '11.0 s  boot.test.ts: deep');
  assert.equal(second, ' 5.0 s  boot.test.ts: boots');
  assert.equal(third, ' 4.0 s  boot.test.ts: boots again');
  assert.equal(fourth, ' 3.0 s  boot.test.ts: second step');
});

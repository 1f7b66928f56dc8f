import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, isPrerelease, isPseudoVersion } from './semver.ts';

test('compareVersions orders versions as semver.org section 11 does', () => {
  const ordered = [
    'v0.0.0-20240101000000-aaaaaaaaaaaa',
    'v0.0.0-20260705071517-37841c4d6ff1',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '26.9.0',
    '26.10.0',
    '26.10.1+build',
  ];
  assert.deepEqual(ordered.toReversed().sort(compareVersions), ordered);
  assert.equal(compareVersions('1.0.0+a', 'v1.0.0+b'), 0);
});

test('isPseudoVersion tells a pseudo-version from a pre-release', () => {
  assert.equal(isPseudoVersion('v0.0.0-20260705071517-37841c4d6ff1'), true);
  assert.equal(isPseudoVersion('v1.2.4-0.20260705071517-37841c4d6ff1'), true);
  assert.equal(isPseudoVersion('v1.2.4-rc.1'), false);
  assert.equal(isPrerelease('v1.2.4-rc.1'), true);
  assert.equal(isPrerelease('v1.2.4'), false);
});

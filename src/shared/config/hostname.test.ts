import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostnameProblem } from './hostname.ts';

test('hostnameProblem: what RFC 1123 allows', () => {
  const long = `${'x'.repeat(32)}.${'y'.repeat(31)}`;
  const allowed = ['a', 'garden', 'garden-2', '3com', 'a.b.example', 'A', 'x'.repeat(63), long];
  const close = [
    'localhost2',
    'local-garden',
    'localhost.example',
    'local.example',
    '10.0.0.x',
    '0xg',
    'a--b',
  ];
  for (const name of [...allowed, ...close]) assert.equal(hostnameProblem(name), undefined, name);
});

test('hostnameProblem: each name is refused by the rule that it breaks', () => {
  const refused: Record<string, [RegExp, ...string[]]> = {
    characters: [/^has the character ".": /u, 'my_host', 'my host', 'ä', 'a/b', '\u{1f331}x', 'a_b.local'],
    empty: [/^must not be empty$/, ''],
    dots: [/^has a dot with nothing before or after it/, 'a..b', '.a', 'a.', '.'],
    hyphens: [/^has a hyphen at the (?:beginning|end) of "(?:-a|a-|-)"/, '-a', 'a-', 'b.a-', '-a.b', '-'],
    label: [
      /^has 64 characters in a row without a dot: 63 are the most/,
      'x'.repeat(64),
      `a.${'x'.repeat(64)}`,
    ],
    length: [/^has 65 characters: Linux takes 64 at most$/, `${'x'.repeat(32)}.${'y'.repeat(32)}`],
    number: [/^is a number: it would be taken for an IP address/, '123', '0x7f', '0X'],
    address: [/^ends in a number, ".*": it would be taken for an IP address/, '10.0.0.1', 'a.5', 'a.0x1'],
    local: [/^is the domain "local" of multicast DNS/, 'local', 'LOCAL'],
    inLocal: [/^ends in the domain "local" .*: write "garden"$/, 'garden.local', 'Garden.Local'],
    own: [
      /^is what each machine calls itself/,
      'localhost',
      'LocalHost',
      'a.localhost',
      'localhost.localdomain',
    ],
    debian: [
      /^is what each machine calls itself/,
      'ip6-localhost',
      'ip6-loopback',
      'ip6-allnodes',
      'broadcasthost',
    ],
  };
  for (const [rule, [pattern, ...names]] of Object.entries(refused)) {
    for (const name of names) assert.match(hostnameProblem(name) ?? '', pattern, `${rule}: ${name}`);
  }
});

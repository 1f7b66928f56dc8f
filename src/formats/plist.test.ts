import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePlist } from './plist.ts';

const HEAD = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">`;

function parse(value: string): unknown {
  return parsePlist(`${HEAD}\n${value}\n</plist>\n`);
}

test('parsePlist: each kind of value', () => {
  assert.deepEqual(
    parse(`<dict>
	<key>Content</key>	<string>A &lt;b&gt; &amp; &#233;&#x2192; &quot;c&quot;&apos;s</string>
	<!-- <key>Not</key> -->
	<key>Size</key>
	<integer>31914983424</integer>
	<key>Ratio</key><real>-0.5e1</real>
	<key>Yes</key><true/><key>No</key><false></false>
	<key></key><string/>
	<key>List</key>
	<array><string>a</string><dict/><array/><array><integer>1</integer></array></array>
	<key>Date</key><date>2026-11-29T00:00:00Z</date>
</dict>`),
    {
      Content: 'A <b> & é→ "c"\'s',
      Size: 31914983424,
      Ratio: -5,
      Yes: true,
      No: false,
      '': '',
      List: ['a', {}, [], [1]],
      Date: '2026-11-29T00:00:00Z',
    },
  );
  assert.deepEqual(parse('<dict><key>__proto__</key><string>x</string></dict>'), { ['__proto__']: 'x' });
});

test('parsePlist: what is none is refused', () => {
  const cases = {
    '': /no a tag|has no a value/,
    '<dict><key>a</key></dict>': /has no a value/,
    '<dict><string>a</string></dict>': /has no <key> or <\/dict>/,
    '<integer>many</integer>': /has no a number/,
    '<string>a</integer>': /has no <\/string>/,
    '<string>a': /has no <\/string>/,
    '<blob>a</blob>': /has no a value/,
    '<true/><true/>': /has no <\/plist>/,
  };
  for (const [text, message] of Object.entries(cases)) {
    assert.throws(() => parse(text), { name: 'SyntaxError', message });
  }
  assert.throws(() => parse('<array>'.repeat(100)), /nested too deep/);
  assert.throws(() => parsePlist('bplist00'), /has no a tag/);
});

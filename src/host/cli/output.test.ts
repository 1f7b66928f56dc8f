import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Output } from './output.ts';

test('a warning that quotes a package does nothing to the terminal', (t) => {
  const written: string[] = [];
  t.mock.method(process.stderr, 'write', (text: string) => written.push(text) > 0);
  const output = new Output({ json: false, quiet: false });
  output.warn('install scripts are not run: other ("true \u001b]52;c;cm0gLXJmIH4=\u0007\u202e")\nof app "x"');
  output.close();
  const text = written.join('').slice(written.join('').indexOf('install'));
  assert.equal(
    text,
    String.raw`install scripts are not run: other ("true \x1b]52;c;cm0gLXJmIH4=\x07\u202e")` +
      '\nof app "x"\n',
  );
});

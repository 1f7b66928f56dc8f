// The names in the code, in the list and on the page are the same.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HELP_TOPICS, whereToReadMore } from './help-topics.ts';

test('docs/troubleshooting.md has a place for each topic, and messages lead to each', () => {
  const page = readFileSync(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8');
  const anchors = Array.from(page.matchAll(/^<a id="([^"]+)"><\/a>\n### \S/gm), ([, name]) => name);
  assert.deepEqual(new Set(anchors), new Set<string>(HELP_TOPICS));
  assert.equal(anchors.length, HELP_TOPICS.length);
  const sources = globSync('**/*.ts', { cwd: import.meta.dirname, exclude: ['**/*.test.ts'] });
  const code = sources.map((path) => readFileSync(join(import.meta.dirname, path), 'utf8')).join('\n');
  const used = new Set(Array.from(code.matchAll(/\btopic: '([a-z-]+)'/g), ([, name]) => name));
  assert.deepEqual(used, new Set<string>(HELP_TOPICS));
});

test('whereToReadMore: the page in the package, or in the web where the package has a home', () => {
  assert.equal(whereToReadMore('no-answer', undefined), 'docs/troubleshooting.md#no-answer');
  for (const home of ['https://example.org/tskrazy', 'https://example.org/tskrazy/'])
    assert.equal(
      whereToReadMore('no-answer', home),
      'https://example.org/tskrazy/docs/troubleshooting.md#no-answer',
    );
});

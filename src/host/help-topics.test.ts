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

/** As the code has what it makes of several. */
const PUT_TOGETHER: Readonly<Record<string, readonly string[]>> = {
  'there is no tskrazy.lock.json yet': ['there is no ${LOCK_FILE_NAME} yet'],
  'npm ci': ['"npm ${command}" failed'],
  ', is not there, and its lock file shows that it was built before': [
    "'is not there'",
    ', and its lock file shows that it was built before',
  ],
  'is not set here': ['not set here'],
  'was not let listen on TCP port': ['was not let listen on ${where}', 'TCP port'],
  'it trusts key': ['it trusts ${nameKeys('],
  'this instance signs with key': ['this instance signs with ${nameKeys('],
};

test('docs/troubleshooting.md has the messages as they are printed', () => {
  const page = readFileSync(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8');
  const directory = join(import.meta.dirname, '..');
  const sources = globSync('{host,device}/**/*.ts', { cwd: directory, exclude: ['**/*.test.ts'] });
  const code = sources
    .map((path) => readFileSync(join(directory, path), 'utf8'))
    .join('\n')
    // Texts that were too long for a line, and those that begin a sentence on the device and none here.
    .replaceAll(/['`] \+\n\s*['`]/g, '')
    .toLowerCase();
  // What Node.js says is not ours.
  const headings = Array.from(page.matchAll(/^### (.+)$/gm), ([, heading = '']) =>
    heading.replace(/; listen EPERM.*/, ''),
  );
  // What stands for something else, and where a message is put together of two.
  const parts = headings.flatMap((heading) => heading.split(/\.\.\.|[";]|: /)).map((part) => part.trim());
  const gone = parts
    .filter((part) => part.length > 3)
    .flatMap((part) => PUT_TOGETHER[part] ?? [part])
    .filter((part) => !code.includes(part.toLowerCase()));
  assert.deepEqual(gone, []);
});

test('whereToReadMore: the page in the package, or in the web where the package has a home', () => {
  assert.equal(whereToReadMore('no-answer', undefined), 'docs/troubleshooting.md#no-answer');
  for (const home of ['https://example.org/tskrazy', 'https://example.org/tskrazy/'])
    assert.equal(
      whereToReadMore('no-answer', home),
      'https://example.org/tskrazy/docs/troubleshooting.md#no-answer',
    );
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { applyHunks, madeText, parseDiff } from './unified-diff.ts';

const lines = (...all: string[]): string => `${all.join('\n')}\n`;

function apply(text: string, ...hunk: string[]): string | undefined {
  const [file] = parseDiff(lines('diff --git a/x b/x', '--- a/x', '+++ b/x', ...hunk));
  return applyHunks(text, file?.hunks ?? []);
}

suite('parseDiff', () => {
  test('finds what happens to each file, also without a header of git', () => {
    const files = parseDiff(
      lines(
        'diff --git a/old name.js b/new name.js',
        'similarity index 90%',
        'rename from old name.js',
        'rename to new name.js',
        'diff --git a/run b/run',
        'old mode 100644',
        'new mode 100755',
        'diff --git "a/caf\\303\\251" "b/caf\\303\\251"',
        'deleted file mode 100644',
        '--- "a/caf\\303\\251"',
        '+++ /dev/null',
        '@@ -1 +0,0 @@',
        '--- a/no header',
        'diff --git a/made b/made',
        'new file mode 100755',
        '--- /dev/null',
        '+++ b/made',
        '@@ -0,0 +1,2 @@',
        '+a',
        '+++ b',
        '\\ No newline at end of file',
        'diff --git a/.DS_Store b/.DS_Store',
        'new file mode 100644',
        'Binary files /dev/null and b/.DS_Store differ',
        '--- a/plain\t2026',
        '+++ b/plain\t2026',
        '@@ -1 +1 @@',
        '-a',
        '+b',
      ),
    );
    assert.deepEqual(
      files.map(({ hunks, ...file }) => [file, hunks.length]),
      [
        [{ path: 'new name.js', change: 'edit', isBinary: false, movedFrom: 'old name.js' }, 0],
        [{ path: 'run', change: 'edit', isBinary: false, isExecutable: true }, 0],
        [{ path: 'café', change: 'remove', isBinary: false }, 1],
        [{ path: 'made', change: 'make', isBinary: false, isExecutable: true }, 1],
        [{ path: '.DS_Store', change: 'make', isBinary: true, isExecutable: false }, 0],
        [{ path: 'plain', change: 'edit', isBinary: false }, 1],
      ],
    );
    assert.equal(madeText(files[3]?.hunks ?? []), 'a\n++ b');
    assert.deepEqual(parseDiff(''), []);
  });
});

/** Of a file whose lines are their numbers, from 0. */
const change = (line: number): string => `@@ -${line + 1} +${line + 1} @@\n-${line}\n+${line}!`;

suite('applyHunks', () => {
  const TEXT = lines('a', 'b', 'c', 'd', 'e');

  test('changes what the hunks name, where they have moved to', () => {
    const hunk = ['@@ -2,2 +2,3 @@', ' b', '-c', '+C', '+C2'];
    assert.equal(apply(TEXT, ...hunk), lines('a', 'b', 'C', 'C2', 'd', 'e'));
    const before = '\n'.repeat(20);
    assert.equal(apply(before + TEXT, ...hunk), before + lines('a', 'b', 'C', 'C2', 'd', 'e'));
    assert.equal(apply(`\n${before}${TEXT}`, ...hunk), undefined);
    assert.equal(apply(lines('b', 'c'), ...hunk), lines('b', 'C', 'C2'));
    assert.equal(apply(TEXT, '@@ -1,0 +2 @@', '+after a'), lines('a', 'after a', 'b', 'c', 'd', 'e'));
    assert.equal(
      apply(TEXT, '@@ -1 +1,2 @@', ' a', '+1', '@@ -5 +6 @@', '-e', '+E'),
      lines('a', '1', 'b', 'c', 'd', 'E'),
    );
    assert.equal(apply(TEXT, '@@ -2,2 +2,2 @@', ' b', '-x', '+C'), undefined);
    // One behind the other, never the same lines twice.
    assert.equal(apply(lines('a'), '@@ -1 +1 @@', '-a', '+b', '@@ -1 +1 @@', '-a', '+b'), undefined);
  });

  test('keeps the ends of lines of the file, which do not count, and that of the file', () => {
    assert.equal(apply('a\r\n\t\r\nc\r\n', '@@ -1,3 +1,3 @@', ' a', '', '-c', '+C'), 'a\r\n\t\r\nC\n');
    const none = '\\ No newline at end of file';
    assert.equal(apply('a\nb', '@@ -1,2 +1,2 @@', ' a', '-b', none, '+c'), 'a\nc\n');
    assert.equal(apply('a\nb\n', '@@ -1,2 +1,2 @@', ' a', '-b', '+c', none), 'a\nc');
    assert.equal(apply('a\nb', '@@ -1,2 +1,2 @@', '-a', '+c', ' b', none), 'c\nb');
  });

  test('takes files and patches of any size in their time', () => {
    const count = 150_000;
    const numbers = Array.from({ length: count }, (_, line) => line);
    const text = `${numbers.join('\n')}\n`;
    assert.equal(apply(text, change(count - 1)), text.replace(/\n$/, '!\n'));
    const changed = apply(
      text,
      numbers
        .filter((line) => line % 30 === 0)
        .map(change)
        .join('\n'),
    );
    assert.ok(
      changed?.startsWith('0!\n1\n2\n') && changed.endsWith('\n149970!\n' + text.split('149970\n')[1]),
    );
    // Blanks in front of something are no end of a line.
    const blanks = `${' '.repeat(200_000)}x`;
    assert.equal(apply(lines('a', blanks), '@@ -2 +2 @@', `-${blanks}  `, '+b'), lines('a', 'b'));
  });
});

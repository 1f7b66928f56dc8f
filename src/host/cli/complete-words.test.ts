import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeWords } from './complete-words.ts';
import { createProgram } from './program.ts';

async function complete(...words: string[]): Promise<{ values: string[]; allowsFiles: boolean }> {
  const program = createProgram(new AbortController().signal);
  const dynamic = { 'vm stop': async () => ['garden', 'kitchen'] };
  const { candidates, allowsFiles } = await completeWords(program, words, dynamic);
  return { values: candidates.map(([value]) => value), allowsFiles };
}

test('completeWords: verbs, and verbs below verbs', async () => {
  assert.deepEqual(await complete('b'), { values: ['build'], allowsFiles: false });
  assert.deepEqual(await complete('vm', ''), { values: ['run', 'stop', 'list', 'help'], allowsFiles: false });
  assert.deepEqual(await complete('-i', 'somewhere', 'vm', 'st'), { values: ['stop'], allowsFiles: false });
  assert.equal((await complete('')).values.includes('complete'), false);
});

test('completeWords: options of the verb and of the program', async () => {
  assert.deepEqual(await complete('build', '--b'), { values: ['--boot'], allowsFiles: false });
  assert.deepEqual(await complete('build', '--disk', 'x', '--inst'), {
    values: ['--instance'],
    allowsFiles: false,
  });
});

test('completeWords: values of options, in both spellings', async () => {
  const boards = { values: ['pc-amd64', 'pc-arm64', 'raspberry-pi'], allowsFiles: false };
  assert.deepEqual(await complete('vm', 'run', '--board', ''), boards);
  assert.deepEqual(await complete('vm', 'run', '--board=pc-'), {
    values: ['pc-amd64', 'pc-arm64'],
    allowsFiles: false,
  });
  assert.deepEqual(await complete('build', '--disk', ''), { values: [], allowsFiles: true });
  assert.deepEqual(await complete('build', '--size', ''), { values: [], allowsFiles: false });
});

test('completeWords: operands: choices, running machines, files, nothing', async () => {
  assert.deepEqual(await complete('completion', ''), { values: ['bash', 'zsh', 'fish'], allowsFiles: false });
  assert.deepEqual(await complete('vm', 'stop', 'k'), { values: ['kitchen'], allowsFiles: false });
  assert.deepEqual(await complete('add', './s'), { values: [], allowsFiles: true });
  assert.deepEqual(await complete('version', ''), { values: [], allowsFiles: false });
  assert.deepEqual(await complete('add', 'x', '--', '-'), { values: [], allowsFiles: true });
});

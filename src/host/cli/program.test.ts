import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from './program.ts';

const run = (...words: string[]) =>
  createProgram(new AbortController().signal).parseAsync(words, { from: 'user' });

test('createProgram: help of a verb that there is not names the nearest', async () => {
  await assert.rejects(run('help', 'biuld'), {
    name: 'UserError',
    message: 'Unknown command "biuld"',
    hint: 'Did you mean build?',
  });
  await assert.rejects(run('help', 'vm', 'rum'), {
    message: 'Unknown command "rum"',
    hint: 'Did you mean run?',
  });
});

test('createProgram: no help breaks a line within a sentence: the width of the terminal does', () => {
  const verbs: Command[] = [createProgram(new AbortController().signal)];
  for (const verb of verbs) {
    assert.doesNotMatch(verb.description(), /[^.:]\n/, verb.name());
    verbs.push(...verb.commands);
  }
});

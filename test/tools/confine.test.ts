// The machine code of `confine` and of `load-module` says what its listing says: LLVM's assembler makes the same of it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ARM64_LISTING, X64_LISTING } from '../../src/host/build/confine-listing.ts';
import { readListing } from '../../src/host/build/confine-program.ts';
import { ARM64_MODULE_LISTING, X64_MODULE_LISTING } from '../../src/host/build/module-helper-listing.ts';
import { requireTool } from '../support/require-tool.ts';

const INTEL = '.intel_syntax noprefix\n';
const TARGETS = [
  { name: 'confine', triple: 'x86_64', listing: X64_LISTING, preface: INTEL },
  { name: 'confine', triple: 'aarch64', listing: ARM64_LISTING, preface: '' },
  { name: 'load-module', triple: 'x86_64', listing: X64_MODULE_LISTING, preface: INTEL },
  { name: 'load-module', triple: 'aarch64', listing: ARM64_MODULE_LISTING, preface: '' },
];

for (const { name, triple, listing, preface } of TARGETS) {
  test(`the listing of ${name} for ${triple} is what an assembler makes of it`, (t) => {
    const assembler = requireTool(t, 'llvm-mc');
    const copier = requireTool(t, 'llvm-objcopy');
    if (assembler === undefined || copier === undefined) return;
    const directory = mkdtempSync(join(tmpdir(), 'tsk-confine-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const [source = '', object = '', code = ''] = ['s', 'o', 'bin'].map((end) =>
      join(directory, `code.${end}`),
    );
    const lines = readListing(listing);
    writeFileSync(source, `${preface}${lines.map((line) => line.source).join('\n')}\n`);
    execFileSync(assembler, [`-triple=${triple}`, '-filetype=obj', source, '-o', object]);
    execFileSync(copier, ['-O', 'binary', '--only-section=.text', object, code]);
    assert.equal(readFileSync(code, 'hex'), lines.map(({ hex }) => hex).join(''));
  });
}

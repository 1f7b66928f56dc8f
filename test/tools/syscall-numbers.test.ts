// The numbers of system calls against the headers of the C library's package (Debian's linux-libc-dev).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { NodeArch } from '../../src/shared/board/boards.ts';
import { LAST_KNOWN_SYSCALL, SYSCALL_NAMES, syscallNumber } from '../../src/shared/board/syscall-numbers.ts';
import { requireFile } from '../support/require-tool.ts';

const HEADERS: Readonly<Record<NodeArch, string>> = {
  x64: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h',
  arm64: '/usr/include/asm-generic/unistd.h',
};

for (const [architecture, header] of Object.entries(HEADERS) as [NodeArch, string][]) {
  test(`the numbers are those of ${header}`, (t) => {
    if (architecture === 'x64' && process.arch !== 'x64') return t.skip('only packages for x86_64 have it');
    if (!requireFile(t, header)) return;
    const defined = readFileSync(header, 'utf8').matchAll(/^#define __NR_(\w+)\s+(\d+)$/gm);
    const numbers = new Map([...defined].map(([, name = '', number]) => [name, Number(number)]));
    // An older header lacks what came after it.
    const last = Math.max(...numbers.values());
    for (const name of SYSCALL_NAMES) {
      const number = syscallNumber(name, architecture);
      if (number !== null && number > last) continue;
      assert.equal(numbers.get(name) ?? null, number, name);
    }
    assert.ok(
      last <= LAST_KNOWN_SYSCALL,
      `${last} is newer than the list: see what it does, then raise the number`,
    );
  });
}

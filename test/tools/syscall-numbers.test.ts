// The numbers of system calls against the headers of the C library's package (Debian's linux-libc-dev).

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { LAST_KNOWN_SYSCALL, SYSCALL_NUMBERS } from '../../src/shared/services/syscalls.ts';

const HEADERS = [
  '/usr/include/x86_64-linux-gnu/asm/unistd_64.h',
  '/usr/include/asm-generic/unistd.h',
] as const;

for (const [column, header] of HEADERS.entries()) {
  test(
    `the numbers are those of ${header}`,
    { skip: !existsSync(header) && 'the header is not installed' },
    () => {
      const defined = readFileSync(header, 'utf8').matchAll(/^#define __NR_(\w+)\s+(\d+)$/gm);
      const numbers = new Map([...defined].map(([, name = '', number]) => [name, Number(number)]));
      // An older header lacks what came after it.
      const last = Math.max(...numbers.values());
      for (const [name, row] of Object.entries(SYSCALL_NUMBERS)) {
        const number = row[column] ?? null;
        if (number !== null && number > last) continue;
        assert.equal(numbers.get(name) ?? null, number, name);
      }
      assert.ok(
        last <= LAST_KNOWN_SYSCALL,
        `${last} is newer than the list: see what it does, then raise the number`,
      );
    },
  );
}

// The one door to libc: opens it through node:ffi with typed signatures and turns the errno of a failed
// call into an Error of Node's own shape (`code`, `errno`, `syscall`). Nothing else imports node:ffi.
// node:ffi ignores a misspelt signature key and then returns void, hence the one constructor `call`.

import { dlopen, getInt32, getRawPointer } from 'node:ffi';
import { constants } from 'node:os';

export type LibcArgument = number | bigint | string | Uint8Array | null;
type LibcType = 'int32' | 'uint32' | 'int64' | 'uint64' | 'pointer' | 'buffer' | 'string';

/** Two names for one number (EAGAIN, EWOULDBLOCK): the first is the one that Node uses. */
const errnoNames = new Map(
  Object.entries(constants.errno)
    .toReversed()
    .map(([name, number]) => [number, name]),
);
const errnoLocation = openFunction('__errno_location', [], 'pointer');

/** A libc call that reports failure by -1 and errno. Bind once, at module level. */
export function bindLibc(
  name: string,
  argumentTypes: readonly LibcType[],
): (...args: LibcArgument[]) => number {
  return failingByErrno(name, openFunction(name, argumentTypes, 'int32'));
}

/** syscall(2) for a call that libc has no function for; the first argument is the call's number, `name` for messages. */
export function openSyscall(
  name: string,
  argumentTypes: readonly LibcType[],
): (...args: LibcArgument[]) => number {
  return failingByErrno(name, openFunction('syscall', argumentTypes, 'int64'));
}

function failingByErrno(
  name: string,
  raw: (...args: LibcArgument[]) => unknown,
): (...args: LibcArgument[]) => number {
  return (...args) => {
    const result = Number(raw(...args));
    if (result !== -1) return result;
    const errno = getInt32(errnoLocation() as bigint, 0);
    throw libcError(name, errno);
  };
}

export function libcError(syscall: string, errno: number): NodeJS.ErrnoException {
  const code = errnoNames.get(errno) ?? `E${errno}`;
  return Object.assign(new Error(`${code}: ${syscall} failed`), { code, errno: -errno, syscall });
}

/**
 * For structures that point to other memory. An ArrayBuffer's bytes never move (a small Uint8Array's may);
 * the caller keeps it alive until the call has returned.
 */
export function addressOf(memory: ArrayBuffer): bigint {
  return getRawPointer(memory);
}

function openFunction(
  name: string,
  argumentTypes: readonly LibcType[],
  returnType: LibcType,
): (...args: LibcArgument[]) => unknown {
  const { functions } = dlopen('libc.so.6', {
    [name]: { arguments: [...argumentTypes], return: returnType },
  });
  return functions[name] as (...args: LibcArgument[]) => unknown;
}

// What an app in a sandbox may ask of the kernel, as filters for seccomp(2): everything but the groups of
// src/shared/services/syscalls.ts that it has not. A refused call fails with an error that programs know; only calls of
// another architecture, which no program of the image makes, end the process. Pure.
//
// There are two, and the kernel takes the stricter answer. The first has what every program tries and does without
// (ENOSYS): nobody wants to hear of that. What the second refuses is logged.
//
// The kernel runs the filter once for each number at the start and notes which calls pass whatever their arguments
// (Linux 5.11); those cost nothing from then on. Hence the number is looked at before any argument.

import { constants } from 'node:os';
import { compileDecision, type Decision, encodeFilter } from '../../../formats/classic-bpf.ts';
import type { NodeArch } from '../../../shared/board/boards.ts';
import {
  LAST_KNOWN_SYSCALL,
  type SyscallName,
  syscallNumber,
} from '../../../shared/board/syscall-numbers.ts';
import {
  SYSCALL_GROUP_NAMES,
  SYSCALL_GROUPS,
  type SyscallGroupName,
} from '../../../shared/services/syscalls.ts';

export type SyscallAnswer = 'allow' | 'kill' | 'EPERM' | 'ENOSYS' | 'EAFNOSUPPORT';
type SyscallDecision = Decision<SyscallAnswer>;

export interface FilteredApp {
  capabilities: readonly string[];
  /** Groups that it has besides those of its capabilities. */
  syscalls?: readonly SyscallGroupName[];
}

export interface SyscallFilters<T> {
  silent: T;
  logged: T;
}

/** linux/audit.h */
const IDENTIFIERS: Readonly<Record<NodeArch, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };

/** struct seccomp_data (linux/seccomp.h); of the arguments, 64 bits each, their lower half. */
const NUMBER_AT = 0;
const ARCHITECTURE_AT = 4;
const argumentAt = (index: number): number => 16 + 8 * index;

/** linux/seccomp.h */
const RETURN_ALLOW = 0x7fff0000;
const RETURN_ERRNO = 0x00050000;
const RETURN_KILL_PROCESS = 0x80000000;

/** linux/sched.h: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; and, of unshare only, NEWTIME. */
const NEW_NAMESPACES = 0x7e020000;
const NEW_TIME_NAMESPACE = 0x80;
/** asm-generic/ioctls.h: TIOCSTI, TIOCLINUX */
const IOCTLS_THAT_TYPE = [0x5412, 0x541c];
/** linux/socket.h: AF_UNIX, AF_INET, AF_INET6 */
const USUAL_FAMILIES = [1, 2, 10];
const AF_NETLINK = 16;
/** linux/netlink.h: NETLINK_ROUTE lists interfaces, NETLINK_KOBJECT_UEVENT tells of devices that are plugged in. */
const USUAL_NETLINK = [0, 15];
const FAMILIES_OF_GROUPS: Partial<Record<SyscallGroupName, number>> = {
  packet: 17,
  can: 29,
  bluetooth: 31,
  vsock: 40,
};

const allow: SyscallDecision = { answer: 'allow' };

/** The bytes that bwrap and seccomp(2) take. */
export function syscallFilters(architecture: NodeArch, app: FilteredApp): SyscallFilters<Uint8Array> {
  const { silent, logged } = decideSyscalls(architecture, app);
  return { silent: encode(silent), logged: encode(logged) };
}

function encode(decision: SyscallDecision): Uint8Array {
  return encodeFilter(compileDecision(decision, returnValue));
}

export function decideSyscalls(architecture: NodeArch, app: FilteredApp): SyscallFilters<SyscallDecision> {
  const byNumber = [...refusals(new Set(groupsOf(app)))]
    .map(([name, decision]): [number | null, SyscallDecision] => [
      syscallNumber(name, architecture),
      decision,
    ])
    .filter((entry): entry is [number, SyscallDecision] => entry[0] !== null)
    .toSorted(([a], [b]) => a - b);
  const isSilent = (decision: SyscallDecision): boolean =>
    'answer' in decision && decision.answer === 'ENOSYS';
  return {
    silent: {
      word: ARCHITECTURE_AT,
      oneOf: [IDENTIFIERS[architecture]],
      yes: searchTree(
        byNumber.filter(([, decision]) => isSilent(decision)),
        { answer: 'ENOSYS' },
      ),
      no: { answer: 'kill' },
    },
    logged: searchTree(
      byNumber.filter(([, decision]) => !isSilent(decision)),
      allow,
    ),
  };
}

function groupsOf({ capabilities, syscalls = [] }: FilteredApp): SyscallGroupName[] {
  return SYSCALL_GROUP_NAMES.filter(
    (name) =>
      syscalls.includes(name) ||
      SYSCALL_GROUPS[name].capabilities.some((capability) => capabilities.includes(capability)),
  );
}

function refusals(has: ReadonlySet<SyscallGroupName>): Map<SyscallName, SyscallDecision> {
  const refused = new Map<SyscallName, SyscallDecision>();
  for (const name of SYSCALL_GROUP_NAMES) {
    const { calls, answer } = SYSCALL_GROUPS[name];
    if (!has.has(name)) calls.forEach((call) => refused.set(call, { answer }));
  }
  if (!has.has('namespaces')) {
    refused.set('clone', unlessAnyBit(NEW_NAMESPACES));
    refused.set('unshare', unlessAnyBit(NEW_NAMESPACES | NEW_TIME_NAMESPACE));
    // Its flags are in memory. Every libc that knows it falls back on clone.
    refused.set('clone3', { answer: 'ENOSYS' });
  }
  if (!has.has('terminal')) {
    const yes: SyscallDecision = { answer: 'EPERM' };
    refused.set('ioctl', { word: argumentAt(1), oneOf: IOCTLS_THAT_TYPE, yes, no: allow });
  }
  if (!has.has('sockets')) {
    refused.set('socket', allowSockets(has));
    refused.set('socketpair', allowSockets(has));
  }
  return refused;
}

function unlessAnyBit(anyBitOf: number): SyscallDecision {
  return { word: argumentAt(0), anyBitOf, yes: { answer: 'EPERM' }, no: allow };
}

/** The error is that of a kernel without the family. */
function allowSockets(has: ReadonlySet<SyscallGroupName>): SyscallDecision {
  const no: SyscallDecision = { answer: 'EAFNOSUPPORT' };
  const families = Object.entries(FAMILIES_OF_GROUPS).flatMap(([name, family]) =>
    has.has(name as SyscallGroupName) ? [family] : [],
  );
  return {
    word: argumentAt(0),
    oneOf: [...USUAL_FAMILIES, ...families],
    yes: allow,
    no: {
      word: argumentAt(0),
      oneOf: [AF_NETLINK],
      yes: has.has('netlink') ? allow : { word: argumentAt(2), oneOf: USUAL_NETLINK, yes: allow, no },
      no,
    },
  };
}

/** Binary search over the ranges of numbers between those that `byNumber` names, in its order. */
function searchTree(byNumber: readonly [number, SyscallDecision][], newer: SyscallDecision): SyscallDecision {
  const ranges: { from: number; decision: SyscallDecision }[] = [{ from: 0, decision: allow }];
  for (const [number, decision] of byNumber) {
    if (ranges.at(-1)?.from === number) ranges.pop();
    ranges.push({ from: number, decision }, { from: number + 1, decision: allow });
  }
  // Also what bit 30 marks: calls of x86's x32 architecture.
  ranges.push({ from: LAST_KNOWN_SYSCALL + 1, decision: newer });
  return search(0, ranges.length);

  function search(first: number, end: number): SyscallDecision {
    if (end - first === 1) return ranges[first]!.decision;
    const middle = (first + end) >>> 1;
    return {
      word: NUMBER_AT,
      atLeast: ranges[middle]!.from,
      yes: search(middle, end),
      no: search(first, middle),
    };
  }
}

function returnValue(answer: SyscallAnswer): number {
  if (answer === 'allow') return RETURN_ALLOW;
  if (answer === 'kill') return RETURN_KILL_PROCESS;
  return RETURN_ERRNO | constants.errno[answer];
}

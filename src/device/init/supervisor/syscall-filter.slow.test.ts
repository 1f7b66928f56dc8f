// The filters, run by a small interpreter of classic BPF, against the decision that they are compiled from and against
// the table of groups. That the kernel agrees is tested in test/init/syscall-filter.test.ts.

import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { suite, test } from 'node:test';
import type { Decision } from '../../../formats/classic-bpf.ts';
import type { NodeArch } from '../../../shared/board/boards.ts';
import {
  LAST_KNOWN_SYSCALL,
  type SyscallName,
  syscallNumber,
} from '../../../shared/board/syscall-numbers.ts';
import { SYSCALL_GROUP_NAMES, SYSCALL_GROUPS } from '../../../shared/services/syscalls.ts';
import {
  decideSyscalls,
  type FilteredApp,
  type SyscallAnswer,
  type SyscallFilters,
  syscallFilters,
} from './syscall-filter.ts';

const IDENTIFIERS: Readonly<Record<NodeArch, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };
const ARCHITECTURES: readonly NodeArch[] = ['x64', 'arm64'];
const NOTHING: FilteredApp = { capabilities: [] };
const ANSWERS = new Map<number, SyscallAnswer>([
  [0x7fff0000, 'allow'],
  [0x80000000, 'kill'],
  ...(['EPERM', 'ENOSYS', 'EAFNOSUPPORT'] as const).map((name): [number, SyscallAnswer] => [
    0x00050000 + constants.errno[name],
    name,
  ]),
]);

interface Call {
  architecture: number;
  number: number;
  args: readonly bigint[];
}

function callData({ architecture, number, args }: Call): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, architecture, true);
  for (const [index, value] of args.entries())
    data.setBigUint64(16 + 8 * index, BigInt.asUintN(64, value), true);
  return data;
}

function run(filter: Uint8Array, data: DataView): SyscallAnswer {
  const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  let a = 0;
  for (let offset = 0; offset < filter.length; offset += 8) {
    const code = program.getUint16(offset, true);
    const k = program.getUint32(offset + 4, true);
    if (code === 0x06) return ANSWERS.get(k) ?? assert.fail(`unknown answer ${k}`);
    else if (code === 0x20) a = data.getUint32(k, true);
    else if (code === 0x05) offset += 8 * k;
    else {
      const holds = { 0x15: a === k, 0x35: a >= k, 0x45: (a & k) !== 0 }[code];
      assert.notEqual(holds, undefined, `unknown step ${code}`);
      offset += 8 * program.getUint8(offset + (holds === true ? 2 : 3));
    }
  }
  return assert.fail('the filter runs over its end');
}

/** As the kernel does with several: the stricter answer is taken. */
function runBoth({ silent, logged }: SyscallFilters<Uint8Array>, data: DataView): SyscallAnswer {
  const answer = run(silent, data);
  return answer === 'allow' ? run(logged, data) : answer;
}

function decide(decision: Decision<SyscallAnswer>, data: DataView): SyscallAnswer {
  if ('answer' in decision) return decision.answer;
  const value = data.getUint32(decision.word, true);
  let holds: boolean;
  if ('atLeast' in decision) holds = value >= decision.atLeast;
  else if ('anyBitOf' in decision) holds = (value & decision.anyBitOf) !== 0;
  else holds = decision.oneOf.includes(value);
  return decide(holds ? decision.yes : decision.no, data);
}

function numberOf(architecture: NodeArch, name: SyscallName): number | null {
  return syscallNumber(name, architecture);
}

function answerOf(
  architecture: NodeArch,
  app: FilteredApp,
  name: SyscallName,
  ...args: readonly (number | bigint)[]
): SyscallAnswer {
  const number = numberOf(architecture, name) ?? assert.fail(`${name} has no number`);
  const call = { architecture: IDENTIFIERS[architecture], number, args: args.map(BigInt) };
  return runBoth(syscallFilters(architecture, app), callData(call));
}

/** Mulberry32: the same numbers in every run. */
function* randomNumbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    yield (mixed ^ (mixed >>> 14)) >>> 0;
  }
}

for (const architecture of ARCHITECTURES) {
  suite(`syscallFilter for ${architecture}`, () => {
    test('does what was decided, whatever the call', () => {
      const random = randomNumbers(11);
      const next = (): number => random.next().value;
      const telling = [0, 1, 2, 10, 15, 16, 17, 29, 31, 38, 40, 0x5412, 0x541c, 0x10000000, 0x80, 0x20000];
      for (let round = 0; round < 60; round++) {
        const app: FilteredApp = {
          capabilities: next() % 2 === 0 ? ['CAP_NET_RAW', 'CAP_SYS_TIME'] : [],
          syscalls: SYSCALL_GROUP_NAMES.filter(() => next() % 4 === 0),
        };
        const decisions = decideSyscalls(architecture, app);
        const filters = syscallFilters(architecture, app);
        for (let number = 0; number < 600; number++) {
          const args = Array.from({ length: 6 }, () => {
            const low = next() % 3 === 0 ? next() : telling[next() % telling.length]!;
            return (BigInt(next() % 4 === 0 ? next() : 0) << 32n) | BigInt(low);
          });
          const identifier = next() % 50 === 0 ? next() : IDENTIFIERS[architecture];
          const call = { architecture: identifier, number: next() % 40 === 0 ? next() : number, args };
          const data = callData(call);
          for (const which of ['silent', 'logged'] as const) {
            assert.equal(
              run(filters[which], data),
              decide(decisions[which], data),
              `${which} ${call.number}`,
            );
          }
        }
      }
    });

    test('refuses every call of every group, and allows it to who has the group or a capability for it', () => {
      for (const name of SYSCALL_GROUP_NAMES) {
        const { answer, capabilities } = SYSCALL_GROUPS[name];
        const calls: readonly SyscallName[] = SYSCALL_GROUPS[name].calls;
        for (const call of calls.filter((call) => numberOf(architecture, call) !== null)) {
          assert.equal(answerOf(architecture, NOTHING, call), answer, call);
          assert.equal(answerOf(architecture, { capabilities: [], syscalls: [name] }, call), 'allow', call);
          for (const capability of capabilities) {
            assert.equal(answerOf(architecture, { capabilities: [capability] }, call), 'allow', call);
          }
        }
      }
    });

    test('ends what calls as another architecture, and knows no call that is newer than its list', () => {
      const filters = syscallFilters(architecture, NOTHING);
      const of = (identifier: number, number: number): SyscallAnswer =>
        runBoth(filters, callData({ architecture: identifier, number, args: [] }));
      for (const other of [0x40000003, 0x40000028, IDENTIFIERS[architecture] ^ 1]) {
        assert.equal(of(other, 0), 'kill');
      }
      const own = IDENTIFIERS[architecture];
      assert.equal(of(own, LAST_KNOWN_SYSCALL), 'allow');
      assert.equal(of(own, LAST_KNOWN_SYSCALL + 1), 'ENOSYS');
      // read(2) of x32.
      assert.equal(of(own, 0x40000000), 'ENOSYS');
    });

    test('refuses memory that init could not count: memfd_secret', () => {
      const data = callData({ architecture: IDENTIFIERS[architecture], number: 447, args: [0n] });
      assert.equal(runBoth(syscallFilters(architecture, NOTHING), data), 'ENOSYS');
    });

    test('looks at the flags of namespaces, and lets threads and processes be', () => {
      const THREAD = 0x3d0f00;
      const VFORK = 0x4111;
      const namespaces = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];
      for (const flags of [THREAD, VFORK]) {
        assert.equal(answerOf(architecture, NOTHING, 'clone', flags), 'allow');
        for (const flag of namespaces) {
          assert.equal(answerOf(architecture, NOTHING, 'clone', flags | flag), 'EPERM');
        }
      }
      // CLONE_FILES; CLONE_NEWTIME, which shares its bit with a signal's number in clone.
      assert.equal(answerOf(architecture, NOTHING, 'unshare', 0x400), 'allow');
      assert.equal(answerOf(architecture, NOTHING, 'unshare', 0x80), 'EPERM');
      for (const flag of namespaces) assert.equal(answerOf(architecture, NOTHING, 'unshare', flag), 'EPERM');
      assert.equal(answerOf(architecture, NOTHING, 'clone3'), 'ENOSYS');
      assert.equal(answerOf(architecture, { capabilities: ['CAP_SYS_ADMIN'] }, 'clone3'), 'allow');
    });

    test('refuses what types into a terminal, also where the upper half of the number is not 0', () => {
      const TCGETS = 0x5401;
      assert.equal(answerOf(architecture, NOTHING, 'ioctl', 0, TCGETS), 'allow');
      for (const request of [0x5412n, 0x541cn, 0x1_0000_5412n]) {
        assert.equal(answerOf(architecture, NOTHING, 'ioctl', 0, request), 'EPERM');
      }
    });

    test('allows the usual families of sockets, and those of groups and capabilities', () => {
      const RAW = 3;
      const socket = (app: FilteredApp, family: number, protocol = 0): SyscallAnswer =>
        answerOf(architecture, app, 'socket', family, RAW, protocol);
      for (const family of [1, 2, 10, 16]) assert.equal(socket(NOTHING, family), 'allow');
      // NETLINK_KOBJECT_UEVENT, and NETLINK_NETFILTER.
      assert.equal(socket(NOTHING, 16, 15), 'allow');
      assert.equal(socket(NOTHING, 16, 12), 'EAFNOSUPPORT');
      assert.equal(socket({ capabilities: ['CAP_NET_ADMIN'] }, 16, 12), 'allow');
      for (let family = 17; family < 46; family++) assert.equal(socket(NOTHING, family), 'EAFNOSUPPORT');
      assert.equal(socket({ capabilities: ['CAP_NET_RAW'] }, 17), 'allow');
      assert.equal(socket({ capabilities: ['CAP_NET_RAW'] }, 38), 'EAFNOSUPPORT');
      assert.equal(socket({ capabilities: [], syscalls: ['bluetooth'] }, 31), 'allow');
      assert.equal(socket({ capabilities: [], syscalls: ['sockets'] }, 38), 'allow');
    });
  });
}

// The program that the kernel asks before an app gets a port (BPF_CGROUP_INET4_BIND, INET6_BIND). Pure.

import {
  assemble,
  copyRegister,
  exit,
  jump,
  jumpIf,
  label,
  loadWord,
  setConstant,
  swap16,
  type Register,
  type Step,
} from '../../../../formats/ebpf.ts';
import type { PortRange } from '../../../../shared/network/ports.ts';
import { reportRefusal, SOCKET_ADDRESS, SOCKET_TYPES, type RefusalQueue } from './refusals.ts';

const CONTEXT: Register = 6;
const PORT: Register = 7;
const TYPE: Register = 8;

const REFUSE = 0;
/** The second bit: also a port below 1024, for which the kernel would ask root's privilege otherwise. */
const ALLOW = 0b11;

/** Lets bind(2) have `allowed`, and 0: the kernel then chooses a port that nobody has named. */
export function bindProgram(allowed: readonly PortRange[], refusals: RefusalQueue): Uint8Array<ArrayBuffer> {
  const rangesOf = (protocol: string): readonly PortRange[] =>
    allowed.filter((range) => range.protocol === protocol);
  return assemble([
    copyRegister(CONTEXT, 1),
    loadWord(PORT, CONTEXT, SOCKET_ADDRESS.port),
    swap16(PORT),
    loadWord(TYPE, CONTEXT, SOCKET_ADDRESS.type),
    jumpIf(PORT, '==', 0, 'allow'),
    jumpIf(TYPE, '==', SOCKET_TYPES.tcp, 'tcp'),
    jumpIf(TYPE, '==', SOCKET_TYPES.udp, 'udp'),
    // What is neither has no ports.
    jump('allow'),
    label('tcp'),
    ...allowRanges(rangesOf('tcp')),
    jump('refuse'),
    label('udp'),
    ...allowRanges(rangesOf('udp')),
    label('refuse'),
    ...reportRefusal('bind', refusals, { context: CONTEXT, port: PORT }),
    setConstant(0, REFUSE),
    exit(),
    label('allow'),
    setConstant(0, ALLOW),
    exit(),
  ]);
}

function allowRanges(ranges: readonly PortRange[]): Step[] {
  return ranges.flatMap((range) => {
    const next = `not ${range.protocol} ${range.first}`;
    return [jumpIf(PORT, '<', range.first, next), jumpIf(PORT, '<=', range.last, 'allow'), label(next)];
  });
}

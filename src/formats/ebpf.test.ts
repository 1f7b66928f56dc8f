import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from '../../test/support/formats/ebpf-interpreter.ts';
import * as ebpf from './ebpf.ts';

test('assemble: instructions as RFC 9669 has them', () => {
  const bytes = ebpf.assemble([
    ebpf.loadWord(2, 1, 24),
    ebpf.jumpIf(2, '==', 0x1f90, 'end'),
    ebpf.loadMap(1, 7),
    ebpf.storeConstant(ebpf.FRAME, -4, -2),
    ebpf.label('end'),
    ebpf.exit(),
  ]);
  assert.equal(
    Buffer.from(bytes)
      .toString('hex')
      .replaceAll(/.{16}(?=.)/g, '$& '),
    '6112180000000000 16020300901f0000 1811000007000000 0000000000000000 620afcfffeffffff 9500000000000000',
  );
});

test('assemble: labels that are missing, double or too far are named', () => {
  assert.throws(() => ebpf.assemble([ebpf.jump('x')]), /there is no label "x"/);
  assert.throws(() => ebpf.assemble([ebpf.label('x'), ebpf.label('x')]), /label "x" is there twice/);
  const far = [ebpf.jump('x'), ...Array.from({ length: 0x8000 }, () => ebpf.exit()), ebpf.label('x')];
  assert.throws(() => ebpf.assemble(far), /label "x" is too far from its jump/);
});

test('assemble: conditions compare 32 bits without sign, wherever the jump goes', () => {
  const conditions = {
    '==': (left: number, right: number) => left === right,
    '!=': (left: number, right: number) => left !== right,
    '>': (left: number, right: number) => left > right,
    '>=': (left: number, right: number) => left >= right,
    '<': (left: number, right: number) => left < right,
    '<=': (left: number, right: number) => left <= right,
  };
  const values = [0, 1, 80, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
  for (const [name, holds] of Object.entries(conditions)) {
    const condition = name as keyof typeof conditions;
    for (const left of values) {
      for (const right of values) {
        const program = ebpf.assemble([
          ebpf.loadWord(3, 1, 0),
          ebpf.setConstant(0, 1),
          ebpf.jump('test'),
          ebpf.label('holds'),
          ebpf.exit(),
          ebpf.label('test'),
          ebpf.jumpIf(3, condition, right, 'holds'),
          ebpf.setConstant(0, 0),
          ebpf.exit(),
        ]);
        const context = new Uint8Array(Uint32Array.of(left).buffer);
        assert.equal(runProgram(program, context), holds(left, right) ? 1n : 0n, `${left} ${name} ${right}`);
      }
    }
  }
});

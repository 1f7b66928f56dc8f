import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { makeElf } from '../../test/support/formats/make-elf.ts';
import { readElf } from './elf.ts';
import { planElfStrip, type StripPlan } from './elf-strip.ts';

const SPEC = { machine: 62, interpreter: '/lib64/ld.so', needed: ['libc.so.6'], hasSymbols: true } as const;

function apply(plan: StripPlan, bytes: Uint8Array): Uint8Array {
  return Buffer.concat(
    plan.parts.map((part) =>
      part.kind === 'bytes' ? part.bytes : bytes.subarray(part.fromBytes, part.fromBytes + part.lengthBytes),
    ),
  );
}

/** Names and contents of the sections, read independently of the stripper. */
function sectionsOf(bytes: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const table = Number(view.getBigUint64(40, true));
  const header = (index: number) => table + index * 64;
  const contentOf = (index: number) => {
    const offset = Number(view.getBigUint64(header(index) + 24, true));
    return bytes.subarray(offset, offset + Number(view.getBigUint64(header(index) + 32, true)));
  };
  const names = contentOf(view.getUint16(62, true));
  const found = new Map<string, Uint8Array>();
  for (let index = 1; index < view.getUint16(60, true); index++) {
    const at = view.getUint32(header(index), true);
    found.set(
      Buffer.from(names.subarray(at, names.indexOf(0, at))).toString(),
      Uint8Array.from(contentOf(index)),
    );
  }
  return found;
}

test('planElfStrip drops symbols and debugging data and keeps the rest', async () => {
  const bytes = makeElf(SPEC);
  const plan = await planElfStrip(bytes);
  const stripped = apply(plan, bytes);
  assert.deepEqual(plan.dropped, ['.debug_info', '.symtab', '.strtab']);
  assert.equal(stripped.length, plan.sizeBytes);
  assert.ok(stripped.length < bytes.length - 3900);
  const before = sectionsOf(bytes);
  const after = sectionsOf(stripped);
  assert.deepEqual([...after.keys()], ['.text', '.interp', '.dynstr', '.dynamic', '.comment', '.shstrtab']);
  for (const name of ['.text', '.interp', '.dynstr', '.dynamic', '.comment']) {
    assert.deepEqual(after.get(name), before.get(name), name);
  }
});

test('planElfStrip leaves the loaded bytes where they are', async () => {
  const bytes = makeElf(SPEC);
  const stripped = apply(await planElfStrip(bytes), bytes);
  const loadedBytes = Math.max(
    ...(await readElf(bytes)).segments.map((s) => s.offsetBytes + s.fileSizeBytes),
  );
  // The ELF header names the place of the section table; nothing that runs looks at that.
  assert.deepEqual(
    Buffer.from(stripped.subarray(64, loadedBytes)),
    Buffer.from(bytes.subarray(64, loadedBytes)),
  );
});

test('planElfStrip copies a file that has nothing to drop', async () => {
  const bytes = makeElf({ ...SPEC, hasSymbols: false });
  assert.deepEqual(apply(await planElfStrip(bytes), bytes), Buffer.from(bytes));
});

test('planElfStrip does not change its input', async () => {
  const bytes = Buffer.from(makeElf(SPEC));
  const copy = Buffer.from(bytes);
  await planElfStrip(bytes);
  assert.deepEqual(bytes, copy);
});

test('planElfStrip refuses object files', async () => {
  const bytes = makeElf(SPEC);
  bytes[16] = 1;
  await assert.rejects(planElfStrip(bytes), {
    name: 'TypeError',
    message: 'Cannot strip ELF file: it is no 64-bit little-endian program or library',
  });
});

test('planElfStrip keeps what readElf sees, and stripping twice changes nothing', async () => {
  const spec = fc.record({
    machine: fc.constantFrom(62, 183),
    interpreter: fc.constant('/lib/ld.so'),
    needed: fc.array(fc.stringMatching(/^lib[a-z]{1,8}\.so$/), { maxLength: 4 }),
    text: fc.uint8Array({ maxLength: 5000 }),
    hasSymbols: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(spec, async (wanted) => {
      const bytes = makeElf(wanted);
      const stripped = apply(await planElfStrip(bytes), bytes);
      const before = await readElf(bytes);
      const after = await readElf(stripped);
      assert.deepEqual({ ...after, sectionHeaders: 0 }, { ...before, sectionHeaders: 0 });
      assert.deepEqual(apply(await planElfStrip(stripped), stripped), stripped);
    }),
    { seed: 4713, numRuns: 60 },
  );
});

test('planElfStrip answers damaged files with a SyntaxError or TypeError at worst', async () => {
  const intact = makeElf(SPEC);
  const damage = fc.array(fc.tuple(fc.nat(intact.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  const inTable = fc.array(
    fc.tuple(fc.integer({ min: intact.length - 600, max: intact.length - 1 }), fc.nat(255)),
    { minLength: 1, maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(damage, inTable), async (changes) => {
      const bytes = Uint8Array.from(intact);
      for (const [at, value] of changes) bytes[at] = value;
      try {
        const plan = await planElfStrip(bytes);
        assert.equal(apply(plan, bytes).length, plan.sizeBytes);
      } catch (error) {
        assert.ok(error instanceof SyntaxError || error instanceof TypeError, String(error));
        assert.match(error.message, /^Cannot (strip|read) ELF file: /);
      }
    }),
    { seed: 4714, numRuns: 400 },
  );
});

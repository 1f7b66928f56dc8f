// config.txt as the stand-in for a Raspberry Pi's firmware reads it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type FilterFacts, numberOf, readConfigText, valueOf } from '../support/raspberry-pi/config-text.ts';
import { PI_MODELS, piModel } from '../support/raspberry-pi/pi-models.ts';

function factsOf(id: string, changes: Partial<FilterFacts> = {}): FilterFacts {
  return { model: piModel(id), isTryboot: false, serial: 0x10000000abcdef01n, partition: 1, ...changes };
}

/** The values of the key `x` that hold. */
function held(text: string, facts: FilterFacts): string {
  return readConfigText(text, facts)
    .settings.map(({ value }) => value)
    .join('');
}

test('settings: the last of a key counts, comments and empty lines do not, unknown keys do no harm', () => {
  const config = readConfigText(
    '# kernel=no\n\nkernel=one\r\nkernel=two=2\n  nobody_knows=1\nnumber=0x\n',
    factsOf('3-b'),
  );
  assert.equal(valueOf(config, 'kernel'), 'two=2');
  assert.equal(numberOf(config, 'nobody_knows'), 1);
  assert.equal(numberOf(config, 'number'), 0);
  assert.deepEqual(config.warnings, []);
});

test('98 characters of a line are read', () => {
  const line = `dtoverlay=${'o'.repeat(88)}`;
  const whole = readConfigText(`${line}\n`, factsOf('3-b'));
  assert.deepEqual([valueOf(whole, 'dtoverlay')?.length, whole.warnings], [88, []]);
  const cut = readConfigText(`${line}pe\n`, factsOf('3-b'));
  assert.equal(valueOf(cut, 'dtoverlay'), 'o'.repeat(88));
  assert.deepEqual(cut.warnings, ['line 1 is cut off after 98 characters']);
});

test('include is read by nobody, initramfs without an equals sign', () => {
  const config = readConfigText('include extra.txt\ninitramfs init.gz followkernel\n', factsOf('4-b'));
  assert.equal(valueOf(config, 'initramfs'), 'init.gz followkernel');
  assert.deepEqual(config.warnings, ['line 1, "include extra.txt", is no setting']);
});

test('filters of models: some see those of their family, too', () => {
  const names = [
    'pi3',
    'pi3+',
    'pi4',
    'pi400',
    'cm4',
    'pi5',
    'pi500',
    'cm5',
    'pi0',
    'pi0w',
    'pi02',
    'pi1',
    'pi2',
  ];
  const text = names.map((name) => `[${name}]\nx=${name},\n`).join('');
  const seen = Object.fromEntries(
    PI_MODELS.map(({ id }) => [id, held(text, factsOf(id)).split(',').slice(0, -1)]),
  );
  assert.deepEqual(seen, {
    '3-b': ['pi3'],
    '3-b-plus': ['pi3', 'pi3+'],
    'zero-2-w': ['pi0', 'pi0w', 'pi02'],
    '4-b': ['pi4'],
    '400': ['pi4', 'pi400'],
    cm4: ['pi4', 'cm4'],
    '5-b': ['pi5'],
    '5-b-d0': ['pi5'],
    '500': ['pi5', 'pi500'],
    'cm5-cm5io': ['pi5', 'cm5'],
    'cm5-cm4io': ['pi5', 'cm5'],
    'cm5l-cm5io': ['pi5', 'cm5'],
    'cm5l-cm4io': ['pi5', 'cm5'],
  });
});

test('filters of other kinds', () => {
  const text =
    '[0x10000000abcdef01]\nx=1\n[0x2]\nx=2\n[all]\n[tryboot]\nx=3\n[all]\n[board-type=0x11]\nx=4\n[all]\n[partition=1]\nx=5\n[all]\nx=6\n';
  assert.equal(held(text, factsOf('4-b')), '1456');
  assert.equal(held(text, factsOf('400', { isTryboot: true, serial: 2n, partition: 2 })), '236');
  const unsure = readConfigText(
    '[gpio4=1]\nx=1\n[all]\n[HDMI:0]\nx=2\n[all]\n[pi7]\nx=3\n[all]\n[EDID=A-B]\nx=4\n',
    factsOf('4-b'),
  );
  assert.deepEqual(unsure.settings, []);
  assert.deepEqual(
    unsure.warnings.map((warning) => /\[.*\]/.exec(warning)?.[0]),
    ['[gpio4=1]', '[HDMI:0]', '[pi7]'],
  );
});

test('[none] holds for nobody until [all]', () => {
  assert.equal(held('x=1\n[none]\nx=2\n[pi4]\nx=3\n[all]\nx=4\n', factsOf('4-b')), '14');
});

test('bootcode.bin, which knows no filters, reads all settings', () => {
  const { settings } = readConfigText('[pi4]\nstart_x=1\n[none]\ngpu_mem=16\n', undefined);
  assert.deepEqual(
    settings.map(({ key }) => key),
    ['start_x', 'gpu_mem'],
  );
});

function kindOf(filter: string): string {
  if (filter.startsWith('[pi')) return 'model';
  return filter.startsWith('[0x') ? 'serial' : filter;
}

/** By looking back from each setting instead of going forward: the last filter of each type since the last [all]. */
function heldNaively(lines: readonly string[], facts: FilterFacts): string {
  const holds: Readonly<Record<string, boolean>> = {
    '[pi3]': facts.model.filters.includes('pi3'),
    '[pi4]': facts.model.filters.includes('pi4'),
    '[pi400]': facts.model.filters.includes('pi400'),
    '[tryboot]': facts.isTryboot,
    '[0x1]': facts.serial === 1n,
    '[0x2]': facts.serial === 2n,
    '[none]': false,
  };
  const settings = [...lines.keys()].filter((at) => lines[at]!.startsWith('x='));
  const holding = settings.filter((at) => {
    const since = lines.slice(lines.lastIndexOf('[all]', at) + 1, at).filter((line) => line.startsWith('['));
    const last = new Map(since.map((filter) => [kindOf(filter), filter]));
    return [...last.values()].every((filter) => holds[filter]);
  });
  return holding.map((at) => lines[at]!.slice(2)).join('');
}

test('filters combine as a naive reading has it', () => {
  const filter = fc.constantFrom(
    '[all]',
    '[none]',
    '[tryboot]',
    '[pi3]',
    '[pi4]',
    '[pi400]',
    '[0x1]',
    '[0x2]',
  );
  const line = fc.oneof(filter, fc.stringMatching(/^x=[a-z]$/), fc.constantFrom('', '# x=0'));
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 30 }),
      fc.constantFrom('3-b', '4-b', '400'),
      fc.boolean(),
      fc.constantFrom(1n, 2n, 3n),
      (lines, id, isTryboot, serial) => {
        const facts = factsOf(id, { isTryboot, serial });
        assert.equal(held(lines.join('\n'), facts), heldNaively(lines, facts));
      },
    ),
    { seed: 12, numRuns: 1000 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EarlierTrees } from './earlier-trees.ts';
import { lockKeyNames, parseNpmSpec } from './npm-spec.ts';

const tree = () => ({ packages: {} });

test('EarlierTrees: the tree of the same program that no app asks for any more', () => {
  const trees = { 'hub@1': tree(), 'hub@1 a b': tree(), '@x/hub@>=1 <2 a': tree(), other: tree() };
  const nearest = (key: string, wanted: readonly string[] = [key]) => new EarlierTrees(trees, wanted).of(key);
  assert.equal(nearest('hub@1')?.tree, trees['hub@1']);
  assert.equal(nearest('hub@1 a b c')?.key, 'hub@1 a b');
  assert.equal(nearest('hub@1 a b c', ['hub@1 a b c', 'hub@1 a b'])?.key, 'hub@1');
  assert.equal(nearest('@x/hub')?.key, '@x/hub@>=1 <2 a');
  assert.equal(nearest('x'), undefined);
  const packed = new EarlierTrees({ './a/hub-1.0.0-rc.1.tgz x': tree(), './hub.tgz': tree() }, []);
  assert.equal(packed.of('./a/hub-2.0.0.tgz')?.key, './a/hub-1.0.0-rc.1.tgz x');
  assert.equal(packed.of('./hub-1.0.0.tar.gz')?.key, './hub.tgz');
  assert.equal(packed.of('./a/hubs-2.0.0.tgz'), undefined);
});

test('lockKeyNames: a tag stays what it was only for who asked for it in the same words', () => {
  assert.deepEqual([names('hub a', 'a'), names('hub a@latest', 'a')], [true, true]);
  assert.deepEqual(
    [names('hub ab', 'a'), names('hub a@2', 'a'), names('hub a', 'a@next')],
    [false, false, false],
  );
});

function names(key: string, spec: string): boolean {
  return lockKeyNames(key, parseNpmSpec(spec));
}

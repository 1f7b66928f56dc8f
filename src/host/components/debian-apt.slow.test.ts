// What apt is asked, and how often: an apt of shell scripts writes its calls down.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { sourceContext } from '../../../test/support/builds/component-context.ts';
import { DebianSource } from './debian-source.ts';
import type { SourceContext } from './source-context.ts';

const HASH = 'a'.repeat(64);

/** Packages by name, with what they depend on, and what they stand for. */
const PACKAGES: Readonly<Record<string, readonly [depends: string, provides?: string]>> = {
  tool: ['libtool'],
  other: ['libtool'],
  libtool: [''],
  alpha: ['mta'],
  beta: ['postfix'],
  exim4: ['', 'mta'],
  postfix: ['', 'mta'],
};

interface Scene {
  context: SourceContext;
  /** A computer with other sources, and the same cache. */
  elsewhere: SourceContext;
  /** Calls since the last time. */
  calls: () => string[];
  /** The same of updates alone, each with the suite that it was from. */
  updates: () => string[];
  sources: string;
  failUpdates: () => void;
}

async function setUp(t: TestContext): Promise<Scene> {
  const context = await sourceContext(t);
  const programs = context.environment['PATH'] ?? '';
  const [etc, otherEtc] = ['etc', 'other-etc'].map((name) => join(programs, '..', name));
  const log = join(programs, '..', 'calls');
  for (const directory of [programs, etc!, otherEtc!]) mkdirSync(directory, { recursive: true });
  const sources = join(etc!, 'sources.list');
  writeFileSync(sources, sourcesOf('bookworm'));
  writeFileSync(join(otherEtc!, 'sources.list'), sourcesOf('sid'));
  writeFileSync(log, '');
  const stanzas = Object.entries(PACKAGES).map(
    ([name, [depends, provides = '']]) =>
      `${name}) printf 'Package: ${name}\\nVersion: 1\\nDepends: ${depends}\\nProvides: ${provides}\\nFilename: ${name}.deb\\nSize: 1\\nSHA256: ${HASH}\\n\\n';;`,
  );
  const scripts = {
    'apt-config': `echo 'Dir "/";'; echo "Dir::Etc \\"\${ETC:-${etc}}\\";"; echo "Dir::Etc::sourcelist \\"\${LIST:-sources.list}\\";"`,
    'apt-get': `read -r _ _ suite _ <"\${APT_CONFIG%/*}/sources.list.d/0.list"; echo "update $suite" >>${log}; test ! -e ${log}-fail`,
    'apt-cache': `echo "$*" >>${log}
if [ $1 = showpkg ]; then case " $* " in *" mta "*) printf 'Package: mta\\nReverse Provides: \\nexim4 1 (= )\\npostfix 1 (= )\\n';; esac; exit; fi
shift 2; for name; do case $name in ${stanzas.join(' ')} esac; done`,
  };
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(programs, name), 0o755);
  }
  let known = 0;
  const fresh = (): string[] => {
    const all = readFileSync(log, 'utf8').split('\n').slice(0, -1);
    return all.slice(known, (known = all.length));
  };
  return {
    context,
    elsewhere: { ...context, environment: { ...context.environment, ETC: otherEtc! } },
    sources,
    failUpdates: () => writeFileSync(`${log}-fail`, ''),
    calls: () =>
      fresh().map((line) => line.replace('show --no-all-versions', 'show').replace(/^update .*/, 'update')),
    updates: () => fresh().filter((line) => line.startsWith('update')),
  };
}

function sourcesOf(suite: string): string {
  return `deb https://archive.invalid/debian ${suite} main\n`;
}

async function resolveTwo(
  context: SourceContext,
  newest = false,
  names = ['tool', 'other'],
): Promise<string[]> {
  const source = new DebianSource(context, { newest });
  const found = await Promise.all(
    names.map((name) => source.resolve(name, { packages: [name], follows: () => true })),
  );
  return found.map(({ packages }) => packages.map(({ name }) => name).join());
}

test('components that ask at once are one question of apt, and none is told of what is the other’s', async (t) => {
  const { context, calls } = await setUp(t);
  assert.deepEqual(await resolveTwo(context), ['libtool,tool', 'libtool,other']);
  assert.deepEqual(calls(), ['update', 'show tool other', 'show libtool']);
});

test('a component gets the package that stands for a name, and not another one that another component has asked for', async (t) => {
  const { context } = await setUp(t);
  assert.deepEqual(await resolveTwo(context, false, ['alpha']), ['alpha,exim4']);
  assert.deepEqual(await resolveTwo(context, false, ['alpha', 'beta']), ['alpha,exim4', 'beta,postfix']);
});

function ask(source: DebianSource): Promise<unknown> {
  return source.resolve('tool', { packages: ['tool'], follows: () => false });
}

test('lists count for the sources that they were fetched from, whoever shares the cache in between', async (t) => {
  const { context, elsewhere, updates } = await setUp(t);
  const first = new DebianSource(context);
  await ask(first);
  await ask(new DebianSource(elsewhere));
  await ask(new DebianSource(context));
  assert.deepEqual(updates(), ['update bookworm', 'update sid', 'update bookworm']);
  await ask(new DebianSource(elsewhere));
  // It has fetched its own before, and these are another's by now.
  await ask(first);
  assert.deepEqual(updates(), ['update sid', 'update bookworm']);
  await ask(new DebianSource(context));
  assert.deepEqual(updates(), []);
});

test('a list of sources that lies elsewhere is where it is', async (t) => {
  const { context, sources, updates } = await setUp(t);
  const path = join(sources, '..', '..', 'elsewhere.list');
  writeFileSync(path, sourcesOf('forky'));
  const environment = { ...context.environment, LIST: path };
  await ask(new DebianSource({ ...context, environment }));
  assert.deepEqual(updates(), ['update forky']);
});

test('package lists of the last hour are not fetched again, unless the newest are wanted or the sources are others', async (t) => {
  const { context, calls, sources } = await setUp(t);
  const updates = async (newest = false): Promise<number> => {
    await resolveTwo(context, newest);
    return calls().filter((call) => call === 'update').length;
  };
  assert.equal(await updates(), 1);
  assert.equal(await updates(), 0);
  assert.equal(await updates(true), 1);
  const mark = join(await context.cache.stateDirectory('apt', context.board.debianArch), 'fetched-from');
  for (const time of [Date.now() / 1000 - 3601, Date.now() / 1000 + 3600]) {
    utimesSync(mark, time, time);
    assert.equal(await updates(), 1);
    assert.equal(await updates(), 0);
  }
  writeFileSync(sources, sourcesOf('trixie'));
  assert.equal(await updates(), 1);
});

test('what the lists of the last hour lack is looked for in fresh ones before it is not to be had', async (t) => {
  const { context, calls } = await setUp(t);
  await resolveTwo(context);
  calls();
  const source = new DebianSource(context);
  await assert.rejects(source.resolve('gone', { packages: ['gone'], follows: () => true }), {
    message: /^Cannot download component gone: apt does not offer "gone"/,
  });
  assert.deepEqual(
    calls().filter((call) => call === 'update' || call.startsWith('show ')),
    ['show gone', 'update', 'show gone'],
  );
});

test('package lists that could not be fetched whole are fetched again the next time', async (t) => {
  const { context, calls, failUpdates } = await setUp(t);
  await resolveTwo(context);
  calls();
  failUpdates();
  await resolveTwo(context, true);
  await resolveTwo(context);
  assert.equal(calls().filter((call) => call === 'update').length, 2);
});

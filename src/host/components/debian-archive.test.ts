import assert from 'node:assert/strict';
import { test } from 'node:test';
import { archivePreferences, archiveSources, type HostSourceText } from './debian-archive.ts';

const ARCHIVE = { area: 'non-free-firmware', suites: ['bookworm-backports', 'bookworm'] };
const KEY = '/usr/share/keyrings/debian-archive-keyring.gpg';
const OTHERS =
  'Types: deb\nURIs: https://x.invalid/debian-security\nSuites: bookworm-security\nComponents: main\n';
const linesOf = (signed: string): string =>
  ARCHIVE.suites.map((suite) => `deb ${signed}http://m.invalid/debian ${suite} non-free-firmware\n`).join('');

const deb822 = (text: string): HostSourceText => ({ text, isDeb822: true });
const oneLine = (text: string): HostSourceText => ({ text, isDeb822: false });

test('archiveSources asks where the host gets Debian from, by the same key', () => {
  const stanza = `Types: deb deb-src\nURIs: http://m.invalid/debian\nSuites: trixie trixie-updates\nComponents: main contrib\nSigned-By: ${KEY}\n`;
  assert.equal(archiveSources([deb822(`${OTHERS}\n${stanza}`)], ARCHIVE), linesOf(`[signed-by=${KEY}] `));
  const line = `# deb http://no.invalid/debian x main\ndeb [arch=amd64 signed-by=${KEY}] http://m.invalid/debian bookworm main\n`;
  assert.equal(archiveSources([oneLine(line)], ARCHIVE), linesOf(`[signed-by=${KEY}] `));
  assert.equal(archiveSources([oneLine('deb http://m.invalid/debian stable main')], ARCHIVE), linesOf(''));
});

test('archiveSources takes no archive of others for one of Debian', () => {
  for (const text of [
    'deb http://a.invalid/ubuntu noble main',
    'deb http://a.invalid/debian bookworm-security main',
    'deb http://a.invalid/debian nodistro extra',
    'deb-src http://a.invalid/debian bookworm main',
    '',
  ])
    assert.equal(archiveSources([oneLine(text)], ARCHIVE), undefined, text);
  assert.equal(archiveSources([deb822(OTHERS)], ARCHIVE), undefined);
});

test('archivePreferences has the first suite win', () => {
  assert.deepEqual(archivePreferences(ARCHIVE).match(/n=\S+|Priority: \d+/g), [
    'n=bookworm-backports',
    'Priority: 900',
    'n=bookworm',
    'Priority: 899',
  ]);
});

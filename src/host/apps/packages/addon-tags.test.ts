import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BoardId, BOARDS } from '../../../shared/board/boards.ts';
import { abiOfNode } from '../../components/node-abi.ts';
import { addonMismatch } from './addon-tags.ts';

const NODE = { line: undefined, version: '26.10.0', abi: '147' };

function of(path: string, board: BoardId = 'pc-amd64'): string | undefined {
  return addonMismatch(path, BOARDS[board], NODE);
}

test('addonMismatch: what node-gyp-build and node-pre-gyp would not load', () => {
  for (const path of [
    'prebuilds/linux-x64/node.abi147.node',
    'prebuilds/linux-x64/my.addon.node.abi147.uv1.glibc.node',
    'prebuilds/linux-x64/node.napi.node',
    'prebuilds/linux-x64/node.napi.abi93.node',
    'prebuilds/darwin-x64+arm64/abi.node',
    'prebuilds/linux-x64/uvloop.node',
    'node.napi.glibc.node',
    'addon.linux-x64-gnu.node',
    'build/Release/node.abi115.node',
    'lib/binding/napi-v3/sqlite.node',
    'lib/binding/node-v147-linux-x64/sqlite.node',
  ])
    assert.equal(of(path), undefined, path);
  const abi115 = "it is for ABI 115, that of Node.js 20, and the image's Node.js 26.10.0 has 147";
  assert.equal(of('prebuilds/linux-x64/node.abi115.node'), abi115);
  assert.equal(of('node.abi115.glibc.node'), abi115);
  assert.equal(of('lib/binding/node-v115-linux-x64/sqlite.node'), abi115);
  assert.match(String(of('prebuilds/linux-x64/node.abi9.node')), /^it is for ABI 9, and/);
  assert.equal(of('prebuilds/linux-x64/electron.napi.node'), 'it is for Electron');
  assert.equal(of('prebuilds/linux-x64/node.napi.uv2.node'), 'it is for version 2 of libuv');
  assert.equal(of('prebuilds/linux-x64/node.napi.armv8.node'), 'it is for ARMv8');
  assert.match(String(of('prebuilds/linux-x64/node.napi.musl.node')), /C library/);

  assert.equal(of('prebuilds/linux-arm64/node.napi.armv8.node', 'pc-arm64'), undefined);
  assert.equal(of('prebuilds/linux-arm64/node.napi.armv7.node', 'pc-arm64'), 'it is for ARMv7');
  // Of a Node.js that nobody can tell the ABI of nothing is said.
  const path = 'prebuilds/linux-x64/node.abi115.node';
  assert.equal(addonMismatch(path, BOARDS['pc-amd64'], undefined), undefined);
});

test('abiOfNode: this one has the ABI that it says', () => {
  assert.equal(abiOfNode(process.versions.node), process.versions.modules);
});

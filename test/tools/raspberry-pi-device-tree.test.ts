// Device trees are read, changed and written by the stand-in as dtc and fdtput do it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileTree } from '../support/raspberry-pi/pi-card.ts';
import {
  cell,
  findNode,
  formatDeviceTree,
  makeNode,
  parseDeviceTree,
  stringsOf,
  text,
} from '../support/raspberry-pi/device-tree.ts';
import { findTool, requireTool } from '../support/require-tool.ts';

const TREE = `compatible = "raspberrypi,3-model-b", "brcm,bcm2837";
  empty;
  bytes = [01 02 03];
  memory@0 { reg = <0 0x40000000>; };
  chosen { bootargs = "one two"; bootloader { }; };`;

function sorted(source: string): string[] {
  return source.split('\n').toSorted();
}

/** As dtc writes its source. */
function sourceOf(bytes: Buffer): string {
  return execFileSync(findTool('dtc')!, ['-q', '-I', 'dtb', '-O', 'dts'], { input: bytes }).toString();
}

test('formatDeviceTree writes what parseDeviceTree has read', (t) => {
  if (!requireTool(t, 'dtc')) return;
  const bytes = compileTree(TREE);
  const tree = parseDeviceTree(bytes);
  assert.deepEqual(stringsOf(tree.root, 'compatible'), ['raspberrypi,3-model-b', 'brcm,bcm2837']);
  assert.deepEqual(stringsOf(tree.root, 'empty'), []);
  assert.deepEqual(stringsOf(findNode(tree, '/chosen'), 'bootargs'), ['one two']);
  assert.equal(findNode(tree, '/chosen/nothing'), undefined);
  assert.equal(sourceOf(formatDeviceTree(tree)), sourceOf(bytes));
  // Trees that dtc says nothing of: with memory that is reserved, and with room between nodes.
  const roomy = execFileSync(findTool('dtc')!, ['-q', '-O', 'dtb', '-p', '100', '-R', '3'], {
    input: `/dts-v1/;\n/memreserve/ 0x1000 0x2000;\n/ { ${TREE} };`,
  });
  assert.equal(sourceOf(formatDeviceTree(parseDeviceTree(roomy))), sourceOf(roomy));
});

test('makeNode and properties change a tree as fdtput does', (t) => {
  const fdtput = requireTool(t, 'fdtput');
  if (fdtput === undefined) return;
  const bytes = compileTree(TREE);
  const directory = mkdtempSync(join(tmpdir(), 'tsk-tree-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'tree.dtb');
  writeFileSync(path, bytes);
  execFileSync(fdtput, ['-t', 'x', path, '/chosen/bootloader', 'tryboot', '1']);
  execFileSync(fdtput, ['-t', 's', path, '/chosen', 'os_prefix', 'b/']);
  execFileSync(fdtput, ['-p', '-t', 's', path, '/new/below', 'word', 'x']);

  const tree = parseDeviceTree(bytes);
  makeNode(tree, '/chosen/bootloader').properties.set('tryboot', cell(1));
  makeNode(tree, '/chosen').properties.set('os_prefix', text('b/'));
  makeNode(tree, '/new/below').properties.set('word', text('x'));
  assert.deepEqual(sorted(sourceOf(formatDeviceTree(tree))), sorted(sourceOf(readFileSync(path))));
});

test('parseDeviceTree refuses what is none', () => {
  assert.throws(() => parseDeviceTree(Buffer.alloc(100)), /magic is missing/);
  assert.throws(() => parseDeviceTree(Buffer.alloc(10)), /magic is missing/);
});

test('parseDeviceTree refuses a tree that is cut off', (t) => {
  if (!requireTool(t, 'dtc')) return;
  assert.throws(() => parseDeviceTree(compileTree(TREE).subarray(0, -8)), /cut off/);
});

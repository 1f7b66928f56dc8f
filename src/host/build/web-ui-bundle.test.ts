import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { bundleWebUi, compressAsset, TERMINAL_ASSET } from './web-ui-bundle.ts';

const PAGE_BUDGET_BYTES = 60 * 1024;
const TERMINAL_BUDGET_BYTES = 100 * 1024;

suite('bundleWebUi', () => {
  test('makes the same bytes again, within the page’s budget', async () => {
    const [first, second] = await Promise.all([bundleWebUi(), bundleWebUi()]);
    assert.deepEqual(first, second);
    const sizes = new Map(first.map(({ path, bytes }) => [path, compressAsset(bytes).byteLength]));
    const terminal = sizes.get(TERMINAL_ASSET) ?? 0;
    const all = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    assert.ok(all - terminal < PAGE_BUDGET_BYTES, [...sizes].join());
    assert.ok(terminal > 0 && terminal < TERMINAL_BUDGET_BYTES, String(terminal));
  });

  test('needs nothing that is not on the device, and nothing inline', async () => {
    const files = new Map(
      (await bundleWebUi()).map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]),
    );
    const page = files.get('/') ?? '';
    for (const [, address = ''] of page.matchAll(/(?:src|href)="([^"]*)"/g))
      assert.ok(files.has(address), address);
    assert.doesNotMatch(page, /<style|<script>|\son\w+=|\sstyle=/);
    // The comments of its style sheet name where it comes from. It fetches nothing.
    const terminal = files.get(TERMINAL_ASSET) ?? '';
    assert.doesNotMatch(terminal, /\bfetch\(|XMLHttpRequest|new Worker\b/);
    files.delete(TERMINAL_ASSET);
    for (const [path, text] of files)
      assert.doesNotMatch(text.replaceAll(/http:\/\/www\.w3\.org\/[\w./]+/g, ''), /https?:\/\/\w/, path);
  });
});

suite('compressAsset', () => {
  test('gives bytes that do not tell of the host', () => {
    const gzip = compressAsset(Buffer.from('hello'));
    assert.equal(gunzipSync(gzip).toString(), 'hello');
    // RFC 1952, section 2.3: MTIME at 4, OS at 9.
    assert.deepEqual([...gzip.subarray(4, 8), gzip[9]], [0, 0, 0, 0, 255]);
  });
});

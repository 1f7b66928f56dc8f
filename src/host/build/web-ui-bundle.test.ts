import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { bundleWebUi, compressAsset } from './web-ui-bundle.ts';

const PAGE_BUDGET_BYTES = 60 * 1024;

suite('bundleWebUi', () => {
  test('makes the same bytes again, within the page’s budget', async () => {
    const [first, second] = await Promise.all([bundleWebUi(), bundleWebUi()]);
    assert.deepEqual(first, second);
    const sizes = first.map(({ bytes }) => compressAsset(bytes).byteLength);
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) < PAGE_BUDGET_BYTES, String(sizes));
  });

  test('needs nothing that is not on the device, and nothing inline', async () => {
    const files = new Map(
      (await bundleWebUi()).map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]),
    );
    const page = files.get('/') ?? '';
    for (const [, address = ''] of page.matchAll(/(?:src|href)="([^"]*)"/g))
      assert.ok(files.has(address), address);
    assert.doesNotMatch(page, /<style|<script>|\son\w+=|\sstyle=/);
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

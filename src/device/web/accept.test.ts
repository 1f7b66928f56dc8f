import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptance, prefersPage } from './accept.ts';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8';

test('acceptance takes the closest range, and what is not named for refused', () => {
  for (const [accept, html] of [
    [undefined, 1],
    ['*/*', 1],
    [BROWSER, 1],
    ['text/*;q=0.3, */*;q=0.8', 0.3],
    ['*/*;q=0.8, TEXT/HTML ; Q=0.2', 0.2],
    ['application/json', 0],
    ['application/json, text/html;q=0', 0],
    ['text/html;q=nonsense', 0],
    ['', 0],
  ] as const)
    assert.equal(acceptance(accept, 'text/html'), html, String(accept));
});

test('prefersPage tells browsers from programs', () => {
  for (const accept of [BROWSER, 'text/html', 'application/json;q=0.5, text/html'])
    assert.equal(prefersPage(accept), true, accept);
  for (const accept of [
    undefined,
    '*/*',
    'application/json',
    'application/json, text/plain, */*',
    'application/json, text/html;q=0.5',
  ])
    assert.equal(prefersPage(accept), false, String(accept));
});

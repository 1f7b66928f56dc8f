import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { HttpError } from './http-error.ts';
import { findRoute, type Route } from './router.ts';

const ROUTES: Route<string>[] = [
  { method: 'GET', path: '/', access: 'open', handler: 'page' },
  { method: 'GET', path: '/logs/:name', access: 'read', handler: 'log' },
  { method: 'POST', path: '/login', access: 'open', handler: 'log in' },
  { method: 'GET', path: '/login', access: 'open', handler: 'login page' },
];

function statusOf(method: string, path: string): number {
  try {
    findRoute(ROUTES, method, path);
    return 200;
  } catch (error) {
    assert.ok(error instanceof HttpError);
    return error.status;
  }
}

suite('findRoute', () => {
  test('finds by method and path', () => {
    assert.equal(findRoute(ROUTES, 'GET', '/').route.handler, 'page');
    assert.equal(findRoute(ROUTES, 'HEAD', '/').route.handler, 'page');
    assert.equal(findRoute(ROUTES, 'POST', '/login').route.handler, 'log in');
  });

  test('gives named segments decoded', () => {
    assert.deepEqual(findRoute(ROUTES, 'GET', '/logs/a%20b').params, { name: 'a b' });
    // One segment stays one, whatever it decodes to: the handler refuses the name.
    assert.deepEqual(findRoute(ROUTES, 'GET', '/logs/..%2f..%2fetc').params, { name: '../../etc' });
  });

  test('normalizes nothing', () => {
    for (const path of ['', '//', '/logs', '/logs/', '/logs/../login', '/./login', '/login/', '/logs/a/b'])
      assert.equal(statusOf('GET', path), path === '/logs/' ? 200 : 404, path);
    assert.equal(statusOf('GET', '/logs/%zz'), 404);
  });

  test('names the methods that are allowed', () => {
    assert.throws(
      () => findRoute(ROUTES, 'DELETE', '/login'),
      (error: HttpError) => error.status === 405 && error.headers['Allow'] === 'POST, GET, HEAD',
    );
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineOf, parseCode } from './syntax-tree.ts';
import { pathsInWorkingDirectory } from './working-directory.ts';

function pathsIn(text: string): string[] {
  const root = parseCode(text);
  assert.ok(root !== undefined, text);
  return pathsInWorkingDirectory({ path: 'main.js', root, text, lineOf }, new Set(['load'])).map(
    ({ written }) => written,
  );
}

test('pathsInWorkingDirectory: settings that are paths by their name', () => {
  for (const name of [
    'root',
    'dir',
    'directory',
    'folder',
    'path',
    'cwd',
    'views',
    'publicDir',
    'template',
    'templates',
    'partials',
    'layoutsDir',
    'migrationsFolder',
    'uploadFolder',
    'staticDirectory',
    'assetsDir',
    'imagePath',
    "'folder'",
  ]) {
    assert.deepEqual(pathsIn(`use({ ${name}: 'public' });`), ['public'], name);
  }
  for (const name of ['title', 'folders', 'folderName', 'direction']) {
    assert.deepEqual(pathsIn(`use({ ${name}: 'public' });`), [], name);
  }
  assert.deepEqual(pathsIn("app.set('uploadFolder', 'public'); app.set('title', 'public');"), ['public']);
});

test('pathsInWorkingDirectory: texts with ./ wherever they get a name, and no modules', () => {
  for (const code of [
    "const directory = './views';",
    "this.directory = './views';",
    "class Site { directory = './views'; }",
    "function serve(directory = './views') {}",
    "render('./views');",
  ]) {
    assert.deepEqual(pathsIn(code), ['./views'], code);
  }
  for (const code of [
    "import './views'; export * from './views'; import('./views'); require('./views'); load('./views');",
    "log('see ./views', ['./views']); if (path === './views') path += './views';",
    "const directory = process.env.TSK_APP_DIR ?? './views';",
    "process.chdir(here); const directory = './views';",
  ]) {
    assert.deepEqual(pathsIn(code), [], code);
  }
});

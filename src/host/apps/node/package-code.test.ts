import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scanPackageCode } from './package-code.ts';

const kindsOf = (code: string): string =>
  scanPackageCode(code)
    .map(({ kind }) => kind)
    .join();

test('scanPackageCode: finds what needs the files of the package beside it', () => {
  for (const [code, kinds] of [
    ['module.exports = (name) => require(name);', 'loads'],
    ['export const load = (name) => import(name);', 'loads'],
    ["const load = require; load('./locale/' + name);", 'loads'],
    ["require.resolve('other');", 'loads'],
    ["module.require('./x');", 'loads'],
    ["const load = createRequire(import.meta.url); load('./x.json');", 'loads'],
    ["createRequire(import.meta.url)('./x.json');", 'loads'],
    ['import.meta.resolve(name);', 'loads'],
    ["const t = require('worker_threads'); new t.Worker(file);", 'starts'],
    ["import { fork } from 'node:child_process'; fork(file);", 'starts'],
    ["fs.readFileSync(path.join(__dirname, 'a.txt'));", 'reads'],
    ["fs.readFileSync(__dirname + '/a.txt');", 'reads'],
    ['fs.readFileSync(`${import.meta.dirname}/a.txt`);', 'reads'],
    ["new URL('./a.wasm', import.meta.url);", 'reads'],
    ["const here = dirname(fileURLToPath(import.meta.url)); const a = resolve(here, 'a.txt');", 'reads'],
    ["with (x) { return path.resolve(__dirname, 'views'); }", 'reads'],
    // As TypeScript compiles them.
    ["const a = (0, node_path_1.join)(__dirname, 'a.txt');", 'reads'],
    ["const load = (0, node_module_1.createRequire)(__filename); load('./x.json');", 'loads'],
    ["const c = require('child_process'); (0, c.fork)(file);", 'starts'],
    // Whoever gets the directory reads in it.
    ['app.use(express.static(__dirname));', 'reads'],
    ['configure({ views: __dirname });', 'reads'],
    ['new Views(import.meta.dirname);', 'reads'],
    ['const here = dirname(fileURLToPath(import.meta.url)); serve(here);', 'reads'],
    ['module.exports = __dirname;', 'reads'],
    ['exports.views = () => __dirname;', 'reads'],
    ['export default import.meta.dirname;', 'reads'],
    ['function root() { return __dirname; }', 'reads'],
  ] as const) {
    assert.equal(kindsOf(code), kinds, code);
  }
});

test('scanPackageCode: passes over what is as good in a bundle', () => {
  for (const code of [
    "require('./a'); import('./b.js'); require(`c`);",
    // The bundler takes all files that it can be.
    "require('./locale/' + name); import(`../plugins/${name}.js`);",
    "// require(name)\nconst text = 'require(name), __dirname + x';",
    "if (typeof require === 'function' && require.main === module) start();",
    "const load = createRequire(import.meta.url); load('node:fs'); load('path');",
    '(function (require, module) { require(name); })(load, {});',
    'function require(id) { return parts[id]; }\nrequire(name);',
    'const isMain = import.meta.url === pathToFileURL(process.argv[1]).href;',
    'const name = basename(__filename); log(name);',
    'debug(__filename); console.log(__dirname); tidy(fileURLToPath(import.meta.url));',
    'err.stack = (0, utils.optimizeErrorStack)(err, stack, __dirname);',
    'const here = dirname(fileURLToPath(import.meta.url));',
    'if (file.startsWith(__dirname)) skip();',
    'new Worker(URL.createObjectURL(blob));',
    "const { Worker } = require('worker_threads'); new Worker(code, { eval: true });",
    "cluster.fork(); require('child_process').fork();",
    'this is no JavaScript __dirname',
  ]) {
    assert.equal(kindsOf(code), '', code);
  }
});

test('scanPackageCode: says where and what', () => {
  assert.deepEqual(scanPackageCode('\n\nconst x = require(\n  process.env.NAME,\n);\nrequire(y);'), [
    { kind: 'loads', line: 3, code: 'require( process.env.NAME, )' },
  ]);
});

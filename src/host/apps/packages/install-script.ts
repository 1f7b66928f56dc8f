// Tells install scripts that make something the package needs (they compile or download, which nobody does for
// the device) from those that only print a greeting, and from those of which one cannot say: they set up hooks
// of git or print a greeting by way of another program. A script is harmless when all of its code can be read
// here and it has no way to reach the network or another program.

import { readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, posix } from 'node:path';

/** The scripts that npm runs for an installed package. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'];

/** Built-in modules with which a script cannot get or make a binary. */
const HARMLESS_MODULES = new Set(['assert', 'fs', 'fs/promises', 'os', 'path', 'process', 'url', 'util']);

/** Done by patches.ts. Other options than these say what is to be patched, and count as a script of which one cannot say. */
const PATCH_PACKAGE =
  /^(?:npx )?patch-package(?: --(?:error-on-fail|error-on-warn|use-yarn|patch-dir(?:[ =]([\w./-]+))?))*$/;

/** Where the command finds its patches; undefined: it is another one. */
export function patchDirectoryOf(command: string): string | undefined {
  const found = PATCH_PACKAGE.exec(command);
  return found === null ? undefined : (found[1] ?? 'patches');
}

/** Of the directory that the path starts from. */
export function leadsOut(path: string): boolean {
  return posix.normalize(path).split('/')[0] === '..';
}

const HARMLESS_COMMANDS = /^(?:echo\b[^|;&`$]*|exit 0|true|:)$/;

const IMPORT =
  /(?:\brequire(?:\.resolve)?|\bimport)\s*\(\s*(?:(['"])([^'"]+)\1)?|\bfrom\s*(['"])([^'"]+)\3|\bimport\s*(['"])([^'"]+)\5/g;

/** Programs that compile or download. */
const MAKERS =
  /(?:^|[\s/])(?:node-gyp|node-gyp-build|node-pre-gyp|prebuild-install|prebuildify|cmake-js|cmake|make|cargo|napi|curl|wget)(?:\s|$)/;

/** What a script downloads with. */
const NETWORK =
  /(?:\brequire|\bimport)\s*\(\s*(['"])(?:node:)?(?:https?|http2|net|tls|undici|got|axios|node-fetch|follow-redirects)\1|\bfrom\s*(['"])(?:node:)?(?:https?|http2|net|tls|undici|got|axios|node-fetch|follow-redirects)\2|\bfetch\s*\(/;

/** What it does with a download that is to be run. */
const KEEPS_FILE = /\b(?:createWriteStream|chmod(?:Sync)?|extract|unzip|gunzip)\b/i;

const MAX_FILES = 20;

/** The first install script that may do more than print: `install: node-gyp rebuild`. */
export function findDoubtfulScript(
  scripts: Readonly<Record<string, unknown>>,
  directory: string,
): string | undefined {
  for (const name of INSTALL_SCRIPTS) {
    const command = scripts[name];
    if (typeof command === 'string' && !isHarmless(command, directory)) return `${name}: ${command}`;
  }
  return undefined;
}

/** Whether one of the install scripts compiles or downloads something, as far as can be read here. */
export function makesBinary(scripts: Readonly<Record<string, unknown>>, directory: string): boolean {
  return INSTALL_SCRIPTS.some((name) => {
    const command = scripts[name];
    if (typeof command !== 'string') return false;
    if (MAKERS.test(command)) return true;
    const file = /\bnode ([\w./@-]+)/.exec(command)?.[1];
    const code = [command, file === undefined ? '' : readCode(join(directory, file), new Set())].join('\n');
    // The others also report that the package was installed.
    return NETWORK.test(code) && (name === 'install' || KEEPS_FILE.test(code));
  });
}

/** The files with which installing begins; what they load may be for the package's own code, too. */
export function installFiles(scripts: Readonly<Record<string, unknown>>, directory: string): Set<string> {
  const files = INSTALL_SCRIPTS.flatMap((name) => {
    const command = scripts[name];
    return typeof command === 'string' ? [...command.matchAll(/\bnode ([\w./@-]+)/g)] : [];
  });
  return new Set(files.flatMap(([, file = '']) => findCode(join(directory, file)) ?? []));
}

/** Of the file and of those of the package that it names. */
function readCode(path: string, seen: Set<string>): string {
  const found = findCode(path);
  if (found === undefined || seen.has(found) || seen.size >= MAX_FILES) return '';
  seen.add(found);
  const code = readFileSync(found, 'utf8');
  const others = [...code.matchAll(IMPORT)].map((match) => {
    const specifier = match[2] ?? match[4] ?? match[6] ?? '';
    return /^\.{1,2}\//.test(specifier) ? readCode(join(dirname(found), specifier), seen) : '';
  });
  return [code, ...others].join('\n');
}

function isHarmless(command: string, directory: string): boolean {
  return command
    .split(/&&|\|\||;(?=\s*[a-z]+(?:\s|$))/)
    .every((part) => isHarmlessPart(part.trim(), directory));
}

function isHarmlessPart(command: string, directory: string): boolean {
  // Its patches are applied when the package is staged.
  const patches = patchDirectoryOf(command);
  if (HARMLESS_COMMANDS.test(command) || (patches !== undefined && !leadsOut(patches))) return true;
  const inline = /^node (?:-e|--eval) (["'])(.*)\1$/s.exec(command);
  if (inline) return isHarmlessCode(inline[2] ?? '', directory, new Set());
  const file = /^node ([\w./@-]+)$/.exec(command)?.[1];
  return file !== undefined && isHarmlessFile(join(directory, file), new Set());
}

function isHarmlessFile(path: string, seen: Set<string>): boolean {
  const found = findCode(path);
  if (found === undefined || seen.size >= MAX_FILES) return false;
  if (seen.has(found) || found.endsWith('.json')) return true;
  seen.add(found);
  return isHarmlessCode(readFileSync(found, 'utf8'), dirname(found), seen);
}

function findCode(path: string): string | undefined {
  return [path, `${path}.js`, `${path}.cjs`, `${path}.json`, join(path, 'index.js')].find(
    (candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile() === true,
  );
}

function isHarmlessCode(code: string, directory: string, seen: Set<string>): boolean {
  if (/\bfetch\s*\(|\bgetBuiltinModule\b|\bcreateRequire\b|\beval\b|\bFunction\s*\(/.test(code)) return false;
  return [...code.matchAll(IMPORT)].every((match) => {
    const specifier = match[2] ?? match[4] ?? match[6];
    // An import whose name is computed can be anything.
    if (specifier === undefined) return false;
    if (/^\.{1,2}\//.test(specifier)) return isHarmlessFile(join(directory, specifier), seen);
    return isBuiltin(specifier) && HARMLESS_MODULES.has(specifier.replace(/^node:/, ''));
  });
}

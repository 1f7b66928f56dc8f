// node bench/measure-code.ts: how long the files of each root are, and what of the sources stands there twice.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { formatTable, median, type Row } from './figures.ts';

/** By the first pattern that fits. */
const ROOTS: readonly (readonly [name: string, path: RegExp])[] = [
  ['tests', /\.test\.tsx?$|^test\/(?!support\/)/],
  ...['app', 'device', 'formats', 'host', 'shared', 'web-ui'].map(
    (name) => [`src/${name}`, new RegExp(`^src/${name}/`)] as const,
  ),
  ['test/support', /^test\/support\//],
  ['bench, scripts, tools', /^(?:bench|bin|scripts|tools)\//],
];

/** Lines in a row that stand elsewhere, too, are a duplicate from this number on; blank ones, imports and comments do not count. */
const DUPLICATE_LINES = 8;

interface SourceFile {
  path: string;
  lines: readonly string[];
}

function readSources(): SourceFile[] {
  const paths = execFileSync('git', ['ls-files', '*.ts', '*.tsx'], { encoding: 'utf8' }).trim().split('\n');
  return paths
    .filter((path) => !path.startsWith('test/fixtures/') && !path.includes('/templates/'))
    .map((path) => ({ path, lines: readFileSync(path, 'utf8').trimEnd().split('\n') }));
}

function lengthsOf(name: string, files: readonly SourceFile[]): Row {
  const lengths = files.map(({ lines }) => lines.length).toSorted((a, b) => a - b);
  return {
    root: name,
    files: lengths.length,
    lines: lengths.reduce((sum, length) => sum + length, 0),
    median: median(lengths),
    p90: lengths[Math.floor(lengths.length * 0.9)] ?? Number.NaN,
    max: lengths.at(-1) ?? Number.NaN,
    over300: lengths.filter((length) => length > 300).length,
  };
}

/** Each run of lines that stood before, in any file, as `FILE:LINE = FILE:LINE`. */
function findDuplicates(files: readonly SourceFile[]): string[] {
  const first = new Map<string, string>();
  const found: string[] = [];
  for (const { path, lines } of files) {
    const code = codeLines(lines);
    for (let at = 0; at + DUPLICATE_LINES <= code.length; at += 1) {
      const text = code
        .slice(at, at + DUPLICATE_LINES)
        .map(([, line]) => line)
        .join('\n');
      const place = `${path}:${code[at]![0]}`;
      const earlier = first.get(text);
      if (earlier === undefined) first.set(text, place);
      else {
        found.push(`${place} = ${earlier}`);
        // The rest of the same run is no other duplicate.
        at += DUPLICATE_LINES - 1;
      }
    }
  }
  return found;
}

function codeLines(lines: readonly string[]): [number: number, line: string][] {
  let isImport = false;
  return lines.flatMap((line, index): [number, string][] => {
    const text = line.trim();
    const isWithin = isImport;
    isImport = (isWithin || text.startsWith('import ')) && !text.endsWith(';');
    if (isWithin || text === '' || /^(?:import |\/\/|\/?\*)/.test(text)) return [];
    return [[index + 1, text]];
  });
}

const sources = readSources();
const left = new Set(sources);
const rows = ROOTS.map(([name, pattern]) => {
  const files = [...left].filter(({ path }) => pattern.test(path));
  for (const file of files) left.delete(file);
  return lengthsOf(name, files);
});
const duplicates = findDuplicates(sources.filter(({ path }) => !ROOTS[0]![1].test(path)));
console.log(formatTable({ lengths: rows, duplicates: duplicates.length }));
for (const duplicate of duplicates) console.log(`  ${duplicate}`);

// Turns places in bundles, as stack traces of a device have them (`/app/x/main.cjs:12:3`), into places in the
// user's files, by the source maps that the build has left (build/source-maps.ts).

import { existsSync, readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { join, posix } from 'node:path';

/** Path, line and maybe column; ES modules go by URLs. */
const PLACE = /(?:file:\/\/)?(\/(?:app|tsk)\/[^\s:()'"]+):(\d+)(?::(\d+))?/g;
/** A line's code need not begin where the line begins: an entry of the map is looked for up to here. */
const END_OF_LINE = 1_000_000;

/** A place in a source; all counts begin with 1. */
export interface SourcePlace {
  /** Relative to the instance. */
  source: string;
  line: number;
  column: number;
}

export class SourcePlaces {
  readonly #directory: string;
  readonly #maps = new Map<string, SourceMap | undefined>();

  /** `stateDirectory` is the instance's. A build that was not made here has no maps, and nothing is changed. */
  constructor(stateDirectory: string, buildId: string) {
    this.#directory = join(stateDirectory, 'source-maps', buildId);
  }

  /** The text with every place that is known replaced; paths are relative to the instance. */
  map(text: string): string {
    if (!text.includes('/app/') && !text.includes('/tsk/')) return text;
    return text.replace(PLACE, (whole, path: string, line: string, column: string | undefined) => {
      const found = this.find(path, Number(line), column === undefined ? undefined : Number(column));
      if (found === undefined) return whole;
      return [found.source, found.line, ...(column === undefined ? [] : [found.column])].join(':');
    });
  }

  /** Where it comes from. Without a column it is the line, and the column in it that the line begins with. */
  find(path: string, line: number, column?: number): SourcePlace | undefined {
    const map = this.#load(path);
    const entry = map?.findEntry(line - 1, column === undefined ? END_OF_LINE : column - 1);
    // The nearest entry before may be that of an earlier line: code of the bundler's own.
    if (entry === undefined || !('originalSource' in entry) || entry.generatedLine !== line - 1)
      return undefined;
    if (typeof entry.originalSource !== 'string') return undefined;
    return {
      source: displaySource(path, entry.originalSource),
      line: entry.originalLine + 1,
      column: entry.originalColumn + 1,
    };
  }

  /** The source map of a bundle, its sources relative to the instance. */
  mapOf(path: string): SourceMapPayload | undefined {
    const map = this.#load(path)?.payload;
    return map && { ...map, sources: map.sources.map((source) => displaySource(path, source)) };
  }

  #load(path: string): SourceMap | undefined {
    if (!this.#maps.has(path))
      this.#maps.set(path, readMap(join(this.#directory, `${path}.map`), this.#directory));
    return this.#maps.get(path);
  }
}

/** Sources of an app are relative to the instance; those of our own programs to tskrazy itself. */
function displaySource(path: string, source: string): string {
  const normal = posix.normalize(source);
  return path.startsWith('/tsk/') ? `tskrazy:${normal}` : normal;
}

/** `path` comes out of a log, which anybody may have written into: it must not lead elsewhere. */
function readMap(path: string, directory: string): SourceMap | undefined {
  if (!path.startsWith(join(directory, '/')) || !existsSync(path)) return undefined;
  try {
    return new SourceMap(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // Cut off by a full disk, say. The place in the bundle is still right.
    return undefined;
  }
}

// `config` of an npm app: files that its program finds in its data directory. They go there in the program's own process,
// before its first line, as its user and in its sandbox: init, which is root, writes to no directory that an app owns.

import type { RootEntry } from '../../root-tree.ts';
import { appTextFile } from '../app-text-file.ts';
import { type DataFile, dataFilesScript } from '../data-files.ts';
import { collectIncludes } from '../include.ts';
import type { NpmApp } from './npm-spec.ts';

export interface DataFiles {
  entries: RootEntry[];
  inputs: string[];
  warnings: string[];
  /** Options of Node.js. */
  nodeArguments: string[];
}

export function dataFiles(app: NpmApp, instanceDirectory: string): DataFiles {
  const { config = [] } = app;
  if (config.length === 0) return { entries: [], inputs: [], warnings: [], nodeArguments: [] };
  const root = `/app/${app.name}/data-files/`;
  const include = config.map(({ from, to }, index) => ({ from, to: `data-files/${index}/${to}` }));
  const collected = collectIncludes({ ...app, include }, instanceDirectory, 'config');
  const files = collected.entries.map(({ path }): DataFile => {
    const [index = '', ...to] = path.slice(root.length).split('/');
    return { from: path, to: to.join('/'), keep: config[Number(index)]?.keep ?? true };
  });
  const path = `/app/${app.name}/data-files.cjs`;
  return {
    entries: [...collected.entries, appTextFile(app.name, path, dataFilesScript(files))],
    inputs: collected.inputs,
    warnings: collected.warnings,
    nodeArguments: ['--require', path],
  };
}

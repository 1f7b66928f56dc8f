// Packages with which others are compiled or downloaded when npm installs them. Those with add-ons list them among their
// dependencies, and on the device nobody compiles. They stay out where only install scripts and binding.gyp can need
// them; a package whose own code names one (`require('node-addon-api').include`) keeps it.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installFiles } from './install-script.ts';

const BUILD_TOOLS: ReadonlySet<string> = new Set([
  'cmake-js',
  'nan',
  'node-addon-api',
  'node-gyp',
  'prebuild-install',
]);

interface PackageJson {
  name?: unknown;
  scripts?: Record<string, unknown>;
}

/** Of a package's dependencies those that it needs for its installation alone. */
export function buildToolsOf(
  { name, scripts = {} }: PackageJson,
  dependencies: readonly string[],
  directory: string,
): string[] {
  const tools = dependencies.filter((dependency) => BUILD_TOOLS.has(dependency));
  // npm looks for its own when it starts, by paths.
  if (tools.length === 0 || name === 'npm') return [];
  const atInstall = installFiles(scripts, directory);
  const code = codeBelow(directory)
    .filter((path) => !atInstall.has(path))
    .map((path) => readFileSync(path, 'utf8'));
  return tools.filter((tool) => {
    const named = new RegExp(`(['"\`])${tool}(?:/|\\1)`);
    return !code.some((text) => named.test(text));
  });
}

/** Scripts, and programs without an extension. What lies in node_modules is another package's. */
function codeBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : codeBelow(path);
    return entry.isFile() && /^[^.]+$|\.[cm]?js$/.test(entry.name) ? [path] : [];
  });
}

// What starts a project of one's own: the file that the person names, else what "npm start" would start, else its `bin` or
// `main`. Scripts are read, never run: a device has no shell and no npm.

import { join, posix } from 'node:path';
import { UserError } from '../../user-error.ts';
import { readPackageJson } from '../packages/package-json.ts';
import { binsOf } from '../packages/bin-links.ts';
import { moduleFile } from './module-file.ts';

export interface ProjectStart {
  /** Relative to the project. */
  path: string;
  /** Options of Node.js. */
  nodeArguments: string[];
  args: string[];
  env: Record<string, string>;
}

export interface StartRequest {
  appName: string;
  /** As in tskrazy.json. */
  source: string;
  /** A program by its name in "bin", or a file. */
  bin: string | undefined;
  directory: string;
}

interface ProjectJson {
  name: string;
  bin: unknown;
  main: unknown;
  scripts: Record<string, unknown>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

/** Of a script that does nothing else than start Node.js; those that wrap it do what nobody can do on the device. */
const START_SCRIPTS = ['start:prod', 'start:production', 'start'];

export function projectStart(request: StartRequest): ProjectStart {
  const { directory, bin } = request;
  const json = readPackageJson<ProjectJson>(join(directory, 'package.json'));
  const { what, ...start } = chooseStart(request, json);
  const path = moduleFile(directory, start.path);
  if (path !== undefined) return { ...start, path };
  const { appName, source } = request;
  throw new UserError(`Cannot start app "${appName}": "${source}" has no file "${start.path}", ${what}`, {
    hint:
      json.scripts?.['build'] === undefined || (bin !== undefined && !start.path.includes('/'))
        ? namingHint(request)
        : `Build it first: "npm run build" in ${directory}.`,
  });
}

type Chosen = ProjectStart & { what: string };

function chooseStart(request: StartRequest, json: Partial<ProjectJson>): Chosen {
  const plain = { nodeArguments: [], args: [], env: {} };
  const bins = binsOf(json.name ?? '', json.bin);
  if (request.bin !== undefined) {
    const path = bins.get(request.bin) ?? request.bin;
    return { ...plain, path, what: `which apps.${request.appName}.npm names` };
  }
  const framework = frameworkOf(json);
  const scripts = START_SCRIPTS.flatMap((name) => {
    const command = json.scripts?.[name];
    return typeof command === 'string' ? [{ name, command }] : [];
  });
  for (const { name, command } of scripts) {
    const read = readCommand(command, request, name);
    if (read !== undefined) return { ...read, what: `which its script "${name}" starts` };
  }
  if (framework !== undefined) throw notBuilt(request, framework);
  const own = bins.size === 1 ? [...bins.values()][0] : bins.get(json.name?.replace(/^.*\//, '') ?? '');
  if (own !== undefined) return { ...plain, path: own, what: 'which its "bin" names' };
  if (typeof json.main === 'string' && json.main !== '')
    return { ...plain, path: json.main, what: 'which its "main" names' };
  const [script] = scripts;
  const { appName, source } = request;
  throw new UserError(
    `Cannot start app "${appName}": ` +
      (script === undefined
        ? `package.json of "${source}" has neither a script "start" nor "bin" or "main"`
        : `the script "${script.name}" of "${source}" is more than one call of node ("${script.command}"), and it has no "bin" or "main"`),
    { hint: namingHint(request) },
  );
}

function namingHint({ appName, source }: StartRequest): string {
  return `Name the file that starts it: set apps.${appName}.npm to { "package": "${source}", "bin": "dist/main.js" }, with its file.`;
}

const VARIABLE = /^[A-Za-z_]\w*=[\w./:@-]*$/;
/** Options of Node.js with a word of their own behind them. */
const WITH_VALUE = new Set(['-r', '--require', '--import', '--env-file', '--env-file-if-exists']);

/** `NODE_ENV=production node --enable-source-maps dist/main --port 1`; undefined for what is more than that. */
function readCommand(command: string, request: StartRequest, script: string): ProjectStart | undefined {
  // Quotes, variables and operators are a shell's.
  if (!/^[\w\s./:@=,+-]*$/.test(command)) return undefined;
  const words = command.trim().split(/\s+/);
  if (words[0] === 'cross-env') words.shift();
  const env: Record<string, string> = {};
  while (VARIABLE.test(words[0] ?? '')) {
    const word = words.shift() ?? '';
    env[word.slice(0, word.indexOf('='))] = word.slice(word.indexOf('=') + 1);
  }
  if (words.shift() !== 'node') return undefined;
  const nodeArguments: string[] = [];
  while (words[0]?.startsWith('-') === true) {
    const [option, value] = splitOption(words);
    const word = value === undefined ? option : value;
    if (option.startsWith('--env-file')) throw fromEnvFile(request, script);
    if (option === '--import' && !/^\.{1,2}\//.test(word)) throw bareImport(request, script, word);
    nodeArguments.push(option, ...(value === undefined ? [] : [onDevice(request, value)]));
  }
  const path = words.shift();
  return path === undefined ? undefined : { path, nodeArguments, args: words, env };
}

/** Takes them from the front. */
function splitOption(words: string[]): [string, string | undefined] {
  const word = words.shift() ?? '';
  const at = word.indexOf('=');
  const name = at === -1 ? word : word.slice(0, at);
  if (!WITH_VALUE.has(name)) return [word, undefined];
  return [name, at === -1 ? (words.shift() ?? '') : word.slice(at + 1)];
}

/** Node.js looks for them from the current directory, which is another one on the device. */
function onDevice({ appName }: StartRequest, value: string): string {
  return /^\.{1,2}\//.test(value) ? posix.join(`/app/${appName}`, value) : value;
}

function fromEnvFile(request: StartRequest, script: string): UserError {
  const { appName, source } = request;
  return new UserError(
    `Cannot start app "${appName}": the script "${script}" of "${source}" reads a file of variables, which does not go to the device`,
    {
      hint:
        `Put its values into apps.${appName}.env, and what is secret into apps.${appName}.secrets. ` +
        namingHint(request),
    },
  );
}

function bareImport(request: StartRequest, script: string, name: string): UserError {
  const { appName, source } = request;
  return new UserError(
    `Cannot start app "${appName}": the script "${script}" of "${source}" imports "${name}" first, which Node.js looks for in the current directory`,
    { hint: `Import "${name}" in the first line of the program. ${namingHint(request)}` },
  );
}

interface Framework {
  name: string;
  /** What else has to be so, besides "npm run build". */
  needs: string;
}

/** By packages that a project of each has; what they build starts, and not the project. */
const FRAMEWORKS: ReadonlyMap<string, Framework> = new Map([
  ['next', { name: 'Next.js', needs: 'with output: "standalone" in next.config' }],
  ['nuxt', { name: 'Nuxt', needs: 'which writes .output' }],
  ['nitropack', { name: 'Nitro', needs: 'which writes .output' }],
  ['nitro', { name: 'Nitro', needs: 'which writes .output' }],
  ['@sveltejs/kit', { name: 'SvelteKit', needs: 'with @sveltejs/adapter-node in svelte.config.js' }],
]);

function frameworkOf({ dependencies, devDependencies }: Partial<ProjectJson>): Framework | undefined {
  const name = Object.keys({ ...dependencies, ...devDependencies }).find((each) => FRAMEWORKS.has(each));
  return name === undefined ? undefined : FRAMEWORKS.get(name);
}

function notBuilt({ appName, source, directory }: StartRequest, { name, needs }: Framework): UserError {
  return new UserError(
    `Cannot start app "${appName}": "${source}" has no server that ${name} has built for Node.js`,
    { hint: `Run "npm run build" in ${directory}, ${needs}.` },
  );
}

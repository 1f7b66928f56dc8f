// What npm says of packages that are not to be had, in words of the app that asks for them.

import { UserError } from '../../user-error.ts';
import type { NpmApp, NpmSpec } from './npm-spec.ts';

/** npm's words for what people mistype most. */
export function explainNpm(app: NpmApp, specs: readonly NpmSpec[], output: string): UserError | undefined {
  const act = `Cannot pin app "${app.name}"`;
  const keyOf = (index: number) => `apps.${app.name}.${index === 0 ? 'npm' : `plugins[${index - 1}]`}`;
  if (/^code ERESOLVE$/m.test(output)) {
    return new UserError(`${act}: its packages do not go together:\n  ${output}`, {
      topic: 'npm-packages',
      hint: `Choose versions that do in apps.${app.name}.npm and apps.${app.name}.plugins of tskrazy.json.`,
    });
  }
  if (/^code EOVERRIDE$/m.test(output)) {
    return new UserError(`${act}: npm cannot follow its overrides:\n  ${output}`, {
      topic: 'npm-packages',
      hint: `Versions of the program and its plugins belong in apps.${app.name}.npm and apps.${app.name}.plugins.`,
    });
  }
  const missing =
    /^ *404 +(?:The requested resource )?'(.+?)(?:@[^@']*)?' (?:is not|could not be found)/m.exec(output);
  const unmatched = /No matching version found for (\S+?)@(\S*?)\.?$/m.exec(output);
  const name = missing?.[1] ?? unmatched?.[1];
  if (name === undefined) return undefined;
  const index = specs.findIndex((spec) => spec.name === name);
  if (missing) {
    return new UserError(`${act}: the registry has no npm package "${name}"`, {
      hint:
        index === -1
          ? 'A package that it depends on names it: try another version of the program.'
          : `Check the name in ${keyOf(index)} of tskrazy.json, and "registry" in .npmrc where the package is private.`,
    });
  }
  return new UserError(`${act}: no version of npm package "${name}" is within "${unmatched?.[2]}"`, {
    hint:
      index === -1
        ? 'A package that it depends on asks for it: try another version of the program, or a registry that has it.'
        : `Write a range that exists into ${keyOf(index)} of tskrazy.json; "npm view ${name} versions" lists them.`,
  });
}

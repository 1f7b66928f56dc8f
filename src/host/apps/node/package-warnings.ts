// What a build says of an app's npm packages, a line for each thing, however many packages there are.

import type { NamedPackages } from './named-packages.ts';
import type { Reason } from './outside-packages.ts';

const MAX_NAMES = 5;

/** One line for all; who names the packages in the configuration knows. */
export function tellOutside(
  appName: string,
  reasons: readonly Reason[],
  expected: ReadonlySet<string>,
): string[] {
  const told = reasons
    .filter(({ name }) => !expected.has(name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (told.length === 0) return [];
  const all = told.slice(0, MAX_NAMES).map(({ name, because }) => `${name} (${because})`);
  const rest = told.length - all.length;
  const more = rest > 0 ? ` and ${rest} more` : '';
  return [
    `app "${appName}": not bundled, because their code works beside its own files only: ${all.join(', ')}${more}; ` +
      `to say so yourself, list them in apps.${appName}.dependencies.unbundled`,
  ];
}

export function tellNamed(
  appName: string,
  { named, others }: NamedPackages,
  loaders: readonly string[],
): string[] {
  const by = loaders.join(', ');
  return [
    ...(named.length === 0 ? [] : [`app "${appName}": ${named.join(', ')} taken along for ${by}, by name`]),
    ...(others.length === 0
      ? []
      : [
          `app "${appName}": left out, because nothing imports or names them: ${others.join(', ')}; what ${by} may load ` +
            `belongs in apps.${appName}.dependencies.unbundled, what only developers need in devDependencies`,
        ]),
  ];
}

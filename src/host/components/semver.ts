// Orders semantic versions, with or without the leading `v` of Go modules. https://semver.org, section 11

/** Negative when `a` comes before `b`; build metadata is ignored. */
export function compareVersions(a: string, b: string): number {
  const left = parse(a);
  const right = parse(b);
  for (let index = 0; index < 3; index++) {
    const difference = (left.core[index] ?? 0) - (right.core[index] ?? 0);
    if (difference !== 0) return difference;
  }
  if (left.prerelease.length === 0 || right.prerelease.length === 0) {
    // A release comes after its pre-releases.
    return right.prerelease.length - left.prerelease.length;
  }
  return comparePrereleases(left.prerelease, right.prerelease);
}

export function isPrerelease(version: string): boolean {
  return parse(version).prerelease.length > 0;
}

/** Go's stand-in for a version where the repository has no tag: `v0.0.0-<time>-<commit>` and the like. */
export function isPseudoVersion(version: string): boolean {
  return /^v\d+\.\d+\.\d+-(.*[-.])?\d{14}-[0-9a-f]{12}$/.test(version);
}

function parse(version: string): { core: number[]; prerelease: string[] } {
  const [main = ''] = version.replace(/^v/, '').split('+');
  const dash = main.indexOf('-');
  const core = (dash < 0 ? main : main.slice(0, dash)).split('.').map(Number);
  return { core, prerelease: dash < 0 ? [] : main.slice(dash + 1).split('.') };
}

function comparePrereleases(left: readonly string[], right: readonly string[]): number {
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const [a = '', b = ''] = [left[index], right[index]];
    if (a === b) continue;
    const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
    if (isNumberA && isNumberB) return Number(a) - Number(b);
    if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
    return a < b ? -1 : 1;
  }
  return left.length - right.length;
}

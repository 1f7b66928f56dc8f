// The trees of npm programs before tskrazy.json was changed. The lock names each by what was asked for, so that another
// range or plugin makes another name: the program tells that it is still the same one.

import type { LockedNpmProgram } from '../../components/locked-npm-tree.ts';
import { programOfLockKey } from './npm-spec.ts';

export interface EarlierTree {
  /** Its name in the lock. */
  key: string;
  tree: LockedNpmProgram;
}

export class EarlierTrees {
  readonly #trees: Readonly<Record<string, LockedNpmProgram>>;
  /** Names of trees that no app asks for any more. */
  readonly #orphans: string[];

  /** `wanted`: what the apps ask for now. */
  constructor(trees: Readonly<Record<string, LockedNpmProgram>>, wanted: readonly string[]) {
    this.#trees = trees;
    this.#orphans = Object.keys(trees).filter((key) => !wanted.includes(key));
  }

  /** Of one program in several apps, the tree that was asked for in the most like words. */
  of(key: string): EarlierTree | undefined {
    const same = this.#trees[key];
    if (same !== undefined) return { key, tree: same };
    const program = programOfLockKey(key);
    const words = new Set(key.split(' '));
    const likeness = (other: string): number => other.split(' ').filter((word) => words.has(word)).length;
    const [nearest] = this.#orphans
      .filter((other) => programOfLockKey(other) === program)
      .toSorted((a, b) => likeness(b) - likeness(a));
    const tree = nearest === undefined ? undefined : this.#trees[nearest];
    return nearest === undefined || tree === undefined ? undefined : { key: nearest, tree };
  }
}

// Finds what someone meant who mistyped a name.

/** Optimal string alignment distance: insert, delete, replace, or swap two neighbours. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, replace);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforePrevious[j - 2] ?? 0) + 1);
      }
      current.push(best);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** Of tens of thousands one is always near: only one letter's slip in a word that is long enough counts there. */
export function nearestOfMany(name: string, candidates: readonly string[]): string | undefined {
  if (name.length < 5) return undefined;
  return candidates.find((candidate) => editDistance(name, candidate) === 1);
}

/** The candidate nearest to `name`; undefined when none is near enough to be a slip of the fingers. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let nearestDistance = Infinity;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < nearestDistance) {
      nearest = candidate;
      nearestDistance = distance;
    }
  }
  if (nearest === undefined) return undefined;
  const limit = Math.max(1, Math.floor(Math.max(name.length, nearest.length) * 0.4));
  if (nearestDistance <= limit) return nearest;
  // A forgotten ending ("serial" for "serialConsole") is many letters away.
  if (name.length < 3) return undefined;
  return candidates.find((candidate) => candidate.toLowerCase().startsWith(name.toLowerCase()));
}

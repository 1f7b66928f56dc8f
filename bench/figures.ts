// What a bench reports: numbers by name, the unit in the name.

export type Figures = Record<string, number | string>;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function formatTable(figures: Figures): string {
  const width = Math.max(...Object.keys(figures).map((name) => name.length));
  return Object.entries(figures)
    .map(
      ([name, value]) => `${name.padEnd(width)}  ${typeof value === 'number' ? formatNumber(value) : value}`,
    )
    .join('\n');
}

function formatNumber(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 1 : 0 }).padStart(14);
}

/** Says on standard error what is going on, which leaves standard output to the figures. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

// What a bench reports: numbers by name, the unit in the name.

export type Figures = Record<string, number | string | Row | readonly Row[]>;

/** Figures of one kind by what they are of; or one of a table within the figures. */
export type Row = Readonly<Record<string, number | string>>;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Of each figure that the samples have. */
export function medians(samples: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = Object.keys(samples[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(samples.map((sample) => sample[name]!))]));
}

export function formatTable(figures: Figures): string {
  const width = Math.max(...Object.keys(figures).map((name) => name.length));
  return Object.entries(figures)
    .map(([name, value]) => {
      if (typeof value === 'object') return `${name}\n${formatRows(Array.isArray(value) ? value : [value])}`;
      return `${name.padEnd(width)}  ${typeof value === 'number' ? formatNumber(value).padStart(14) : value}`;
    })
    .join('\n');
}

function formatRows(rows: readonly Row[]): string {
  const names = Object.keys(rows[0] ?? {});
  const table = [names, ...rows.map((row) => names.map((name) => formatCell(row[name] ?? '')))];
  const widths = names.map((_, column) => Math.max(...table.map((cells) => cells[column]!.length)));
  return table
    .map((cells) => `  ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd())
    .join('\n');
}

function formatCell(value: number | string): string {
  return typeof value === 'number' ? formatNumber(value) : value;
}

function formatNumber(value: number): string {
  if (Number.isNaN(value)) return '-';
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 1 : 0 });
}

/** Says on standard error what is going on, which leaves standard output to the figures. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

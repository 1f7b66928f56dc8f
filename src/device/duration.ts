// Durations for people: `1 day`, `2.5 hours`, `1 second`.

export function describeDuration(seconds: number): string {
  const units = [
    [365.25 * 86_400, 'year'],
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
  ] as const;
  for (const [size, name] of units) {
    const count = Math.round((seconds / size) * 10) / 10;
    if (count >= 1) return `${count} ${name}${count === 1 ? '' : 's'}`;
  }
  return seconds === 1 ? '1 second' : `${seconds} seconds`;
}

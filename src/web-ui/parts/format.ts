// Numbers as people read them. Pure.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `214 MiB`: three digits at most. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)}\u00A0${UNITS[unit]}`;
}

export function formatRate(bytesPerSec: number): string {
  // Single bytes a second are noise.
  return `${formatBytes(bytesPerSec < 1024 ? 0 : bytesPerSec).replace(/^0 B$/, '0\u00A0B')}/s`;
}

export function formatPercent(fraction: number): string {
  const percent = fraction * 100;
  return `${percent.toFixed(percent < 9.95 ? 1 : 0)}\u00A0%`;
}

/** The two largest units: `3 d 4 h`, `27 min`, `12 s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor(whole / 3600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  const parts: [number, string][] = [
    [days, 'd'],
    [hours, 'h'],
    [minutes, 'min'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return '0\u00A0s';
  const shown = parts.slice(first, first + 2).filter(([value]) => value > 0);
  // Seconds beside minutes change too often to be read.
  const kept = shown.length === 2 && shown[1]?.[1] === 's' && minutes >= 5 ? shown.slice(0, 1) : shown;
  return kept.map(([value, unit]) => `${value}\u00A0${unit}`).join(' ');
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

/** Local time with milliseconds: `09:41:07.250`. */
export function formatClock(timeMs: number): string {
  const time = new Date(timeMs);
  const parts = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => padded(part, 2));
  return `${parts.join(':')}.${padded(time.getMilliseconds(), 3)}`;
}

export function formatDate(timeMs: number): string {
  return new Date(timeMs).toLocaleDateString(undefined, {
    weekday: 'short',
    year: 'numeric',
    month: 'short',
    day: 'numeric',
  });
}

export function formatDateTime(timeMs: number): string {
  return new Date(timeMs).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

// Colours in log lines: ECMA-48 SGR sequences as programs use them on terminals. Everything else that is
// a control sequence is left out. Pure.

export interface AnsiSpan {
  text: string;
  /** CSS classes, empty for plain text. */
  className: string;
}

const COLORS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;

/** CSI sequences (group 1: the parameters of an SGR one), OSC strings, other escapes, lone control characters. */
const CONTROL =
  // oxlint-disable-next-line no-control-regex
  /\u001B\[(?:([\d;]*)m|[0-?]*[ -/]*[@-~])|\u001B\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|\u001B.?|[\0-\u0008\u000B-\u001F\u007F]/g;

interface Style {
  color: string;
  bold: boolean;
  dim: boolean;
}

function apply(style: Style, codes: readonly number[]): void {
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index] ?? 0;
    if (code === 0) Object.assign(style, { color: '', bold: false, dim: false });
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 22) style.bold = style.dim = false;
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) style.color = COLORS[code % 10] ?? '';
    else if (code === 39) style.color = '';
    // Palette and true colours are shown plain: `38;5;n` and `38;2;r;g;b`, and the same for the background.
    else if (code === 38 || code === 48) index += codes[index + 1] === 5 ? 2 : 4;
  }
}

function classOf({ color, bold, dim }: Style): string {
  return [color && `ansi-${color}`, bold && 'ansi-bold', dim && 'ansi-dim'].filter(Boolean).join(' ');
}

export function parseAnsi(text: string): AnsiSpan[] {
  const spans: AnsiSpan[] = [];
  const style: Style = { color: '', bold: false, dim: false };
  let start = 0;
  const push = (end: number) => {
    const part = text.slice(start, end);
    const className = classOf(style);
    const last = spans.at(-1);
    if (part === '') return;
    if (last?.className === className) last.text += part;
    else spans.push({ text: part, className });
  };
  for (const match of text.matchAll(CONTROL)) {
    push(match.index);
    start = match.index + match[0].length;
    if (match[1] !== undefined) apply(style, match[1].split(';').map(Number));
  }
  push(text.length);
  return spans;
}

export function stripAnsi(text: string): string {
  return text.replace(CONTROL, '');
}

// Log lines that carry more than a text, as many logging libraries write them, taken apart for people: logfmt (our
// SDK, Go's slog, systemd's tools) and one JSON object a line (pino, slog, zap). What is neither is just a text. Pure.
//
// A line may have been cut at its end by init; logfmt survives that, JSON becomes a text.

import { visibleText } from '../text/visible-text.ts';

type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface StructuredLine {
  level: LogLevel;
  message: string;
  /** Fields without level, message and time: the log has a time of its own. */
  fields: [name: string, value: string][];
}

const LEVEL_NAMES = ['level', 'lvl', 'severity'];
const MESSAGE_NAMES = ['msg', 'message'];
const TIME_NAMES = ['time', 'ts', 'timestamp'];

/** undefined: it has no level and message. */
export function parseStructuredLine(text: string): StructuredLine | undefined {
  const fields = text.startsWith('{') ? parseJsonLine(text) : parseLogfmt(text);
  if (fields === undefined) return undefined;
  const level = parseLevel(take(fields, LEVEL_NAMES));
  const message = take(fields, MESSAGE_NAMES);
  if (level === undefined || message === undefined) return undefined;
  take(fields, TIME_NAMES);
  // What was quoted or escaped in the line is only seen here.
  return {
    level,
    message: visibleText(message),
    fields: [...fields].map(([name, value]) => [visibleText(name), visibleText(value)]),
  };
}

/** `message  name=value`, or the text as it is. */
export function summarizeLine(text: string): string {
  const line = parseStructuredLine(text);
  if (line === undefined) return text;
  return [line.message, ...line.fields.map(([name, value]) => `${name}=${value}`)].join(' ');
}

type Fields = Map<string, string>;

function take(fields: Fields, names: readonly string[]): string | undefined {
  const name = names.find((name) => fields.has(name));
  const value = name === undefined ? undefined : fields.get(name);
  if (name !== undefined) fields.delete(name);
  return value;
}

/** Words of all common libraries, and pino's numbers. */
function parseLevel(text: string | undefined): LogLevel | undefined {
  if (text === undefined) return undefined;
  const word = text.toLowerCase();
  if (/^(?:trace|debug|[12]0)/.test(word)) return 'debug';
  if (/^(?:info|notice|30)/.test(word)) return 'info';
  if (/^(?:warn|40)/.test(word)) return 'warn';
  if (/^(?:err|fatal|crit|alert|emerg|panic|dpanic|[56]0)/.test(word)) return 'error';
  return undefined;
}

function parseJsonLine(text: string): Fields | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  return new Map(
    Object.entries(value).map(([name, field]) => [
      name,
      typeof field === 'string' ? field : JSON.stringify(field),
    ]),
  );
}

/** `name=value`, or `name="va\"lue"` with JSON's escapes; a last value may lack its closing quote. */
const PAIR = /([^\s="]+)=(?:"((?:[^"\\]|\\.)*)(?:"|$|\\$)|([^\s"]*))(?:\s+|$)/y;

function parseLogfmt(text: string): Fields | undefined {
  const fields: Fields = new Map();
  const pair = new RegExp(PAIR);
  while (pair.lastIndex < text.length) {
    const start = pair.lastIndex;
    const match = pair.exec(text);
    // A last piece that is not a pair was cut; a first one means that the line is something else.
    if (match === null) return fields.size >= 2 && !/\s/.test(text.slice(start)) ? fields : undefined;
    const [, name = '', quoted, bare = ''] = match;
    fields.set(name, quoted === undefined ? bare : unescape(quoted));
  }
  return fields;
}

function unescape(quoted: string): string {
  try {
    return JSON.parse(`"${quoted}"`) as string;
  } catch {
    return quoted;
  }
}

// The terminal of break-glass sessions, an asset of its own: most visits of the page never load it. xterm.js draws it.

import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import type { TerminalSize } from '../../shared/breakglass/breakglass-api.ts';
import styles from '@xterm/xterm/css/xterm.css';
import { documentWithSheets, adoptStyles } from './style-sheets.ts';

export interface TerminalEvents {
  onText: (text: string) => void;
  onSize: (size: TerminalSize) => void;
}

export interface ShownTerminal {
  readonly size: TerminalSize;
  write(bytes: Uint8Array): void;
  focus(): void;
  /** No more input goes out; what is shown stays. */
  freeze(): void;
  remove(): void;
}

const SCROLLED_LINES = 5000;

/** Fills `element`, also when that changes its size. */
export function showTerminal(element: HTMLElement, { onText, onSize }: TerminalEvents): ShownTerminal {
  const removeStyles = adoptStyles(styles);
  const { fontFamily } = getComputedStyle(element);
  const terminal = new Terminal({
    documentOverride: documentWithSheets(),
    scrollback: SCROLLED_LINES,
    cursorBlink: true,
    fontFamily,
    fontSize: 13,
    theme: { background: '#101615', foreground: '#e5ebe9', cursor: '#3fc9b5' },
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(element);
  fit.fit();
  terminal.onData(onText);
  // Mouse reports of old programs are bytes, not text: each becomes the character of its number.
  terminal.onBinary(onText);
  terminal.onResize(({ cols: columns, rows }) => {
    onSize({ columns, rows });
  });
  const observer = new ResizeObserver(() => {
    fit.fit();
  });
  observer.observe(element);
  return {
    get size() {
      return { columns: terminal.cols, rows: terminal.rows };
    },
    write: (bytes) => {
      terminal.write(bytes);
    },
    focus: () => {
      terminal.focus();
    },
    freeze: () => {
      terminal.options.disableStdin = true;
      terminal.options.cursorBlink = false;
    },
    remove: () => {
      observer.disconnect();
      terminal.dispose();
      removeStyles();
    },
  };
}

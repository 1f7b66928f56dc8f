// xterm.js writes styles into elements and attributes, which the page's Content-Security-Policy has the browser ignore, and
// rightly so. It is given a document that makes other elements: what is written into those becomes a constructed style sheet.

/** Returns how to take it away. */
export function adoptStyles(text: string): () => void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  document.adoptedStyleSheets.push(sheet);
  return () => {
    dropSheet(sheet);
  };
}

function dropSheet(sheet: CSSStyleSheet): void {
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
}

export function documentWithSheets(): Document {
  return new Proxy(document, {
    get(target, name) {
      if (name === 'createElement') return (tag: string) => withoutStyles(target.createElement(tag));
      const value: unknown = Reflect.get(target, name);
      // The browser's own functions take no stand-in for `this`.
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function withoutStyles(element: HTMLElement): HTMLElement {
  element.setAttribute = setAttribute;
  element.appendChild = appendChild;
  return element;
}

/** An attribute is as forbidden as an element; the same by its property is not. */
function setAttribute(this: HTMLElement, name: string, value: string): void {
  if (name === 'style') this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}

/** Not all such elements are made by the document that was given. */
function appendChild<T extends Node>(this: HTMLElement, child: T): T {
  if (child instanceof HTMLStyleElement) {
    makeSheetOf(child);
    return child;
  }
  return Node.prototype.appendChild.call(this, child) as T;
}

/** `element` is never in the page. */
function makeSheetOf(element: HTMLStyleElement): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(element.textContent);
  document.adoptedStyleSheets.push(sheet);
  Object.defineProperty(element, 'textContent', {
    set: (text: string) => {
      sheet.replaceSync(text);
    },
  });
  Object.defineProperty(element, 'remove', {
    value: () => {
      dropSheet(sheet);
    },
  });
}

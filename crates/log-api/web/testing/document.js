// As much of a document as it takes to make the elements of a line, for tests without a browser.

class FakeNode {
  attributes = {};
  dataset = {};
  style = {};
  children = [];

  constructor(tag) {
    this.tag = tag;
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
  }

  append(...children) {
    this.children.push(...children);
  }

  replaceChildren(...children) {
    this.children = children;
  }

  get textContent() {
    return this.children.map((child) => (typeof child === "string" ? child : child.textContent)).join("");
  }

  set textContent(text) {
    this.children = text === "" ? [] : [text];
  }

  /** All elements below this one. */
  get all() {
    return this.children.flatMap((child) => (typeof child === "string" ? [] : [child, ...child.all]));
  }
}

/** Makes `document` known to the modules that make elements. */
export function installDocument() {
  globalThis.document = { createElement: (tag) => new FakeNode(tag) };
}

export const newElement = (tag) => new FakeNode(tag);

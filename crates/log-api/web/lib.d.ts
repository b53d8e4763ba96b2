// What browsers have and the DOM types of TypeScript 4.8 do not know.

interface Highlight {
  add(range: AbstractRange): this;
  delete(range: AbstractRange): boolean;
  clear(): void;
  priority: number;
  readonly size: number;
}
declare var Highlight: { new (...ranges: AbstractRange[]): Highlight };

interface HighlightRegistry {
  set(name: string, highlight: Highlight): this;
  get(name: string): Highlight | undefined;
  delete(name: string): boolean;
}
declare namespace CSS {
  const highlights: HighlightRegistry;
}

interface Performance {
  readonly memory?: { usedJSHeapSize: number };
}

// React is there only where its hook is used.
declare module "react" {
  export function useEffect(effect: () => (() => void) | undefined, dependencies: unknown[]): void;
  export function useRef<T>(value: T): { current: T };
  export function useState<T>(value: T): [T, (value: T) => void];
}

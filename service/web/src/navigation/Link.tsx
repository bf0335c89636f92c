import type { ComponentChildren } from "preact";
import { navigate } from "./navigation.ts";

interface LinkProps {
  to: string;
  current?: boolean;
  class?: string;
  children: ComponentChildren;
}

/** A link within the page. Opening it in a new tab, and the like, is left to the browser. */
export function Link({ to, current = false, class: className, children }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to);
  };
  return (
    <a href={to} class={className} aria-current={current ? "page" : undefined} onClick={follow}>
      {children}
    </a>
  );
}

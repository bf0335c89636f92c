import type { ComponentChildren, Ref } from "preact";
import { Icon, type IconName } from "./Icon.tsx";
import "./widgets.css";

interface ButtonProps {
  /** What it is for: the one thing to do here, one of several, or one among text. */
  kind?: "primary" | "plain" | "quiet" | "danger";
  type?: "button" | "submit";
  icon?: IconName;
  disabled?: boolean;
  onClick?: (event: MouseEvent) => void;
  children: ComponentChildren;
}

export function Button({
  kind = "plain",
  type = "button",
  icon,
  disabled = false,
  onClick,
  children,
}: ButtonProps) {
  return (
    <button type={type} class={`button ${kind}`} disabled={disabled} onClick={onClick}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface IconButtonProps {
  icon: IconName;
  /** Its words, for those who cannot see the icon, and for a pointer that rests on it. */
  label: string;
  pressed?: boolean;
  expanded?: boolean;
  disabled?: boolean;
  buttonRef?: Ref<HTMLButtonElement>;
  onClick: (event: MouseEvent) => void;
}

export function IconButton({
  icon,
  label,
  pressed,
  expanded,
  disabled = false,
  buttonRef,
  onClick,
}: IconButtonProps) {
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      aria-expanded={expanded}
      disabled={disabled}
      ref={buttonRef ?? null}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

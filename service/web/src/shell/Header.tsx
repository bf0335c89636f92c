import { CollectionChooser } from "../collection/CollectionChooser.tsx";
import { chooseLanguage, language, useStrings } from "../language/language.ts";
import { Link } from "../navigation/Link.tsx";
import { chooseTheme, useTheme } from "../theme/theme.ts";
import { VIEWS, type View } from "../views.ts";
import { IconButton } from "../widgets/Button.tsx";
import icon from "./icon.svg";
import { strings } from "./strings.ts";

/** What stands above every view: the way to the others, and what is chosen for all of them. */
export function Header({ shown }: { shown: View }) {
  const say = useStrings(strings);
  return (
    <header class="bar">
      <Link to="/" class="brand">
        <img src={icon} alt="" width="26" height="26" />
        <span>Troika</span>
      </Link>
      <nav class="views" aria-label={say.views}>
        {VIEWS.map((view) => (
          <Link key={view.path} to={view.path} class="view-link" current={view === shown}>
            {view.name[language.value]}
          </Link>
        ))}
      </nav>
      <div class="choices">
        <CollectionChooser />
        <a class="view-link" href="/docs">
          {say.interface}
        </a>
        <ThemeSwitch />
        <LanguageSwitch />
      </div>
    </header>
  );
}

function ThemeSwitch() {
  const say = useStrings(strings);
  const dark = useTheme() === "dark";
  return (
    <IconButton
      icon={dark ? "sun" : "moon"}
      label={dark ? say.toLight : say.toDark}
      onClick={() => chooseTheme(dark ? "light" : "dark")}
    />
  );
}

function LanguageSwitch() {
  const say = useStrings(strings);
  const other = language.value === "zh" ? "en" : "zh";
  return (
    <button
      type="button"
      id="language"
      class="view-link"
      lang={other === "zh" ? "zh-CN" : "en"}
      aria-label={say.toOtherLanguage}
      onClick={() => chooseLanguage(other)}
    >
      {say.otherLanguage}
    </button>
  );
}

import "./theme/tokens.css";
import "./theme/base.css";
import { render } from "preact";
import { App } from "./app.tsx";

const root = document.getElementById("page");
if (root === null) throw new Error("the page has no element to be drawn in");
render(<App />, root);

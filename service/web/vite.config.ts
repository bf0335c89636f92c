import { defineConfig } from "vite";

export default defineConfig({
  build: {
    target: "es2022",
    // The content security policy allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: ["index.html", "docs.html"] },
  },
  // `npm run dev` shows the page with changes as they are made, over a `troika serve` on its usual port.
  server: {
    proxy: Object.fromEntries(
      ["/v1", "/readyz", "/healthz", "/openapi.json", "/swagger"].map((path) => [
        path,
        "http://127.0.0.1:8080",
      ]),
    ),
  },
});

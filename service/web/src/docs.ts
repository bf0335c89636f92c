// Shows /openapi.json with Swagger UI, from this server's own copy of it, which the page loads first.

declare const SwaggerUIBundle: (options: Record<string, unknown>) => void;

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#interface",
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
});

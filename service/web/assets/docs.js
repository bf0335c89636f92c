// Shows /openapi.json with Swagger UI, from this server's own copy of it.
window.addEventListener("DOMContentLoaded", () => {
  window.SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#interface",
    deepLinking: true,
    displayRequestDuration: true,
    validatorUrl: null,
  });
});

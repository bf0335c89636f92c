"""What a browser may do with what this server sends, as a Content-Security-Policy (W3C CSP level 3).

None allows an inline script or style, or another host.
"""

from __future__ import annotations

# Each is a view of the one page, which finds out by itself where it is.
PAGE_PATHS = ("/", "/documents", "/compare", "/operator")
DOCS_PATH = "/docs"

_NOTHING = ("default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'")
_OWN = ("script-src 'self'", "style-src 'self'", "connect-src 'self'")

# The API's responses are data: a browser that is led to one shows it, and runs nothing.
DATA_POLICY = "; ".join(_NOTHING)
# blob: is for images that the page asked for with its key. Text cannot become markup: nothing may make it so.
PAGE_POLICY = "; ".join(
    (*_NOTHING, *_OWN, "img-src 'self' blob:", "require-trusted-types-for 'script'", "trusted-types 'none'")
)
# Swagger UI makes markup of descriptions, and its stylesheet holds images as data: addresses.
DOCS_POLICY = "; ".join((*_NOTHING, *_OWN, "img-src 'self' data:"))

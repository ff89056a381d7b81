"""What a browser sees when a sign-in that began as a page, not as a call, doesn't succeed."""

import html

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from secretariat.platform.web.errors import PlatformError
from secretariat.platform.web.problems import error_response

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Secretariat: sign-in</title></head>
<body><main><h1>You are not signed in</h1><p>{detail}</p>
<p><a href="/sign-in">Back to sign-in</a></p><p><small>Request {request_id}</small></p></main></body></html>
"""


def browser_page(request: Request, error: PlatformError) -> Response:
    """A page for browsers, a problem document for everyone else; the status is the same."""
    if "text/html" not in request.headers.get("accept", ""):
        return error_response(request, error)
    request_id = request.scope["state"]["request_id"]
    page = _PAGE.format(detail=html.escape(error.detail), request_id=html.escape(request_id))
    return HTMLResponse(page, error.status, headers=error.headers)

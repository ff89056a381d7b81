"""The API reference at /docs, made from the OpenAPI document: no scripts, nothing from elsewhere."""

import json
from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.responses import HTMLResponse, Response

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid; }
summary { cursor: pointer; padding: .35rem 0; }
summary b { display: inline-block; min-width: 4.5rem; }
summary span { display: inline-block; opacity: .7; margin-left: .75rem; }
details details { margin-left: 1rem; }
code, td, p, pre, summary { overflow-wrap: anywhere; }
pre { white-space: pre-wrap; padding: .75rem; border: 1px solid; border-radius: 6px; opacity: .9; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .2rem 1rem .2rem 0; }
"""


def mount_docs(app: FastAPI) -> None:
    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(reference_page(app.openapi()))

    @app.get("/docs/style.css", include_in_schema=False)
    async def style() -> Response:
        return Response(_STYLE, media_type="text/css")


def reference_page(document: dict[str, Any]) -> str:
    """Every operation by tag, and every schema that they refer to."""
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", ["other"])[0]
            by_tag.setdefault(tag, []).append(_operation(method, path, operation))
    sections = [f"<h2>{escape(tag)}</h2>{''.join(parts)}" for tag, parts in sorted(by_tag.items())]
    schemas = [
        f'<details id="{escape(name)}"><summary>{escape(name)}</summary>{_json(schema)}</details>'
        for name, schema in sorted(document["components"]["schemas"].items())
    ]
    title = escape(f"{document['info']['title']} API {document['info']['version']}")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/docs/style.css">'
        f"<title>{title}</title></head><body><h1>{title}</h1>"
        f"<p>{escape(document['info'].get('description', ''))} The document itself: "
        '<a href="/openapi.json">/openapi.json</a>. Programs send <code>Authorization: Bearer sk_…</code>; '
        "every POST takes an <code>Idempotency-Key</code>.</p>"
        f"{''.join(sections)}<h2>Schemas</h2>{''.join(schemas)}</body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    return (
        f"<details><summary><b>{escape(method.upper())}</b><code>{escape(path)}</code>"
        f"<span>{escape(operation.get('summary', ''))}</span></summary>"
        f"<p>{escape(operation.get('description', ''))}</p>"
        f"{_parameters(operation.get('parameters', []))}{_body(operation)}{_responses(operation)}</details>"
    )


def _parameters(parameters: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}</td>"
        f"<td>{'required' if each.get('required') else ''}</td><td>{escape(each.get('description', ''))}</td></tr>"
        for each in parameters
    )
    return f"<table>{rows}</table>" if rows else ""


def _body(operation: dict[str, Any]) -> str:
    return "".join(
        f"<p>Body: {escape(media_type)} {_named(content.get('schema', {}))}</p>"
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items()
    )


def _responses(operation: dict[str, Any]) -> str:
    rows = "".join(_response(status, each) for status, each in operation.get("responses", {}).items())
    return f"<table>{rows}</table>"


def _response(status: str, response: dict[str, Any]) -> str:
    named = " ".join(_named(part.get("schema", {})) for part in response.get("content", {}).values())
    said = escape(response.get("description", ""))
    return f"<tr><td>{escape(status)}</td><td>{said}</td><td>{named}</td></tr>"


def _named(schema: dict[str, Any]) -> str:
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    return f'<a href="#{escape(name)}">{escape(name)}</a>' if name else ""


def _json(schema: dict[str, Any]) -> str:
    return f"<pre>{escape(json.dumps(schema, indent=2, ensure_ascii=False))}</pre>"

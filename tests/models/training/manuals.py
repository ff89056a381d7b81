"""Documentation packages of a few pages, as Debian packs them."""

import io
import tarfile
from pathlib import Path
from typing import Literal


def tar(files: dict[str, bytes], form: Literal["w:gz", "w:xz"]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=form) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return held.getvalue()


def package(path: Path, name: str, files: dict[str, str]) -> Path:
    control = f"Package: {name}\nVersion: 1.2-3\nDescription: a manual\n of many pages\n"
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": tar({"./control": control.encode()}, "w:gz"),
        "data.tar.xz": tar({f"./{page}": text.encode() for page, text in files.items()}, "w:xz"),
    }
    content = b"!<arch>\n"
    for part, held in parts.items():
        content += f"{part:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(held):<10}`\n".encode() + held
        content += b"\n" * (len(held) % 2)
    path.write_bytes(content)
    return path


def page(body: str, following: str | None = None) -> str:
    link = f'<link rel="next" href="{following}">' if following else ""
    return f"<html><head><title>t</title>{link}</head><body>{body}</body></html>"

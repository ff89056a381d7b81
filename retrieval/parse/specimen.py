"""A document of nobody's that the zygote reads before it forks: what is read then, its children find loaded.

A page in fonts that needn't be in a file, which PDFium looks for once in a process: headings, paragraphs, a list
and a table.
"""

_FONTS = ("Helvetica", "Helvetica-Bold", "Times-Roman", "Courier", "Arial")
_PARAGRAPH = (
    "Employees may book hotels up to 180 euros per night without approval. Anything",
    "above that needs the written consent of the team lead before the booking is",
    "made, and a note of the reasons that others can follow later.",
)


def _page() -> str:
    shown = []
    top = 780
    for font, name in enumerate(_FONTS):
        shown.append(f"/F{font} 15 Tf 1 0 0 1 60 {top} Tm (Chapter {font}: {name}) Tj")
        for line in (*_PARAGRAPH, "- a short line", "1. another"):
            top -= 14
            shown.append(f"/F{font} 10 Tf 1 0 0 1 60 {top} Tm ({line}) Tj")
        for row in range(3):
            top -= 14
            cells = ((60, f"Item {row}"), (220, f"{row} euros"), (380, "approved by the lead"))
            shown += [f"1 0 0 1 {left} {top} Tm ({cell}) Tj" for left, cell in cells]
        top -= 30
    return "BT " + " ".join(shown) + " ET"


def _document(content: str) -> bytes:
    fonts = "".join(
        f"/F{number}<</Type/Font/Subtype/{'TrueType' if name == 'Arial' else 'Type1'}/BaseFont/{name}>>"
        for number, name in enumerate(_FONTS)
    )
    return (
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        "2 0 obj<</Type/Pages/Kids[3 0 R 3 0 R]/Count 2>>endobj\n"
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        f"/Resources<</Font<<{fonts}>>>>>>endobj\n"
        f"4 0 obj<</Length {len(content)}>>stream\n{content}\nendstream endobj\n"
        "trailer<</Root 1 0 R>>\n%%EOF"
    ).encode()


SPECIMEN = _document(_page())

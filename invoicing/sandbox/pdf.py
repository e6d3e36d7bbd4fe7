"""A small PDF, always the same for the same words."""

from io import BytesIO


def small_pdf(title: str, lines: list[str]) -> bytes:
    """A page of text, more when the lines need them. What Latin-1 cannot write becomes a question mark."""
    from reportlab.lib.pagesizes import A4  # imported late: the sandbox starts without it
    from reportlab.pdfgen.canvas import Canvas

    def plain(text: str) -> str:
        return text.encode("latin-1", "replace").decode("latin-1")

    held = BytesIO()
    canvas = Canvas(held, pagesize=A4, invariant=1)
    canvas.setTitle(plain(title))
    canvas.setFont("Helvetica-Bold", 16)
    canvas.drawString(56, 780, plain(title)[:80])
    for start in range(0, max(len(lines), 1), 45):
        canvas.setFont("Helvetica", 10)
        for row, line in enumerate(lines[start : start + 45]):
            canvas.drawString(56, 750 - 16 * row, plain(line)[:110])
        canvas.showPage()
    canvas.save()
    return held.getvalue()

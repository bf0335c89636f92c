"""A small real file of each format, with something of all that the format can hold, to be mutated."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from email.message import EmailMessage

import docx
import pptx
from pptx.util import Pt
from reportlab.lib.pagesizes import A5
from reportlab.pdfgen.canvas import Canvas

_MARKDOWN = """---
title: 手册 Handbook
tags: [a, b]
---
# One

Text with **bold** and `code`, 中文文字。

## Two

- item
- item

| A | B |
|---|---|
| 1 | 2 |

```python
x = 1
```
> quoted
"""
_HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>T &amp; U</title></head><body>
<nav>menu</nav><h1>One</h1><p>Text <b>bold</b> 中文&nbsp;文字<br>more</p><ul><li>a<li>b<ul><li>c</ul></ul>
<table><tr><th colspan="2">H</th></tr><tr><td>1<td>2</tr></table><pre>code
  code</pre><script>x</script></body></html>"""
_RST = """=====
Title
=====

.. note:: Mind this.

Section
-------
Text with *emphasis* and ``code``.

=====  =====
A      B
=====  =====
1      2
=====  =====

::

    code
"""
_RTF = (
    r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}{\info{\title T}{\author A}}\pard\b Head\b0\par "
    r"Text \'e9 \u20013?\u25991? and {\i more}.\par\trowd\cellx100\cellx200\intbl 1\cell 2\cell\row\pard "
    r"End\par}"
)
_SUBTITLES = (
    "1\n00:00:01,000 --> 00:00:02,500\nHello <i>there</i>.\n\n2\n00:00:03,000 --> 00:00:04,000\n你好。\n"
)
_CODE = (
    '"""Module."""\n\nimport os\n\n\nclass A:\n    """Doc."""\n\n'
    "    def method(self) -> int:\n        return 1\n"
)
_XML = (
    '<?xml version="1.0"?>\n<book lang="en"><title>T</title><ch n="1"><p>Text <b>b</b></p><![CDATA[x<y]]>'
    "</ch></book>"
)
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def built_seeds() -> dict[str, bytes]:
    """A file of each format that can be made here, by a name with the format's suffix."""
    texts = {
        "seed.txt": "Words and 文字.\n\nA second paragraph,\nof two lines.\n" * 3,
        "seed.md": _MARKDOWN,
        "seed.html": _HTML,
        "seed.rst": _RST,
        "seed.rtf": _RTF,
        "seed.srt": _SUBTITLES,
        "seed.py": _CODE,
        "seed.xml": _XML,
        "seed.csv": 'name,"what, it"\nα,1\n"two\nlines",2\n' * 3,
        "seed.json": json.dumps({"title": "T", "items": [{"a": 1, "b": [True, None, "文"]}, {"a": 2.5}]}),
        "seed.jsonl": '{"id": 1, "text": "one"}\n{"id": 2, "text": "二"}\n',
    }
    files = {name: text.encode() for name, text in texts.items()} | {
        "gb18030.txt": ("这是一个用国标编码的文件。" * 5).encode("gb18030"),
        "utf16.csv": "name;value\nα;1\n".encode("utf-16"),
        "seed.pdf": _pdf(),
        "seed.docx": _docx(),
        "seed.pptx": _pptx(),
        "seed.xlsx": zipped(_xlsx()),
        "seed.odt": zipped(
            _opendocument("text", "<text:h text:outline-level='1'>H</text:h><text:p>Text</text:p>")
        ),
        "seed.ods": zipped(_opendocument("spreadsheet", _ODS_TABLE)),
        "seed.epub": zipped(_epub()),
        "seed.eml": _email(),
    }
    members = {name: files[name] for name in ("seed.txt", "seed.md", "seed.csv", "seed.docx")}
    return files | {"seed.zip": zipped(members), "seed.tar.gz": gzip.compress(_tar(members), mtime=0)}


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive of these files, always the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content)
    return target.getvalue()


def _tar(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"folder/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def _pdf() -> bytes:
    """Two pages, not compressed, so that a mutation reaches what the pages draw."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A5, pageCompression=0, invariant=1)
    canvas.setTitle("A title")
    for page in ("one", "two"):
        canvas.bookmarkPage(page)
        canvas.addOutlineEntry(f"Part {page}", page)
        canvas.setFont("Helvetica-Bold", 18)
        canvas.drawString(40, 540, f"Heading {page}")
        canvas.setFont("Helvetica", 10)
        for line in range(20):
            canvas.drawString(40, 500 - 14 * line, f"Line {line} of page {page}, with some words in it.")
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def _docx() -> bytes:
    document = docx.Document()
    document.core_properties.title = "A title"
    document.add_heading("One", 1)
    document.add_paragraph("Text 中文 of a paragraph.")
    document.add_paragraph("item", style="List Bullet")
    table = document.add_table(2, 2)
    for number, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = str(number)
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def _pptx() -> bytes:
    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    assert slide.shapes.title is not None
    slide.shapes.title.text = "A slide"
    slide.placeholders[1].text_frame.text = "Text 中文"  # type: ignore[attr-defined]
    slide.shapes.add_table(2, 2, Pt(0), Pt(0), Pt(99), Pt(99)).table.cell(0, 0).text = "cell"
    slide.notes_slide.notes_text_frame.text = "Notes"  # type: ignore[union-attr]
    target = io.BytesIO()
    presentation.save(target)
    return target.getvalue()


def _xlsx() -> dict[str, bytes]:
    cells = (
        '<c r="A{0}" t="inlineStr"><is><t>name {0}</t></is></c><c r="B{0}" s="0"><v>{0}.5</v></c>'
        '<c r="C{0}" t="s"><v>0</v></c>'
    )
    rows = "".join(f'<row r="{number}">{cells.format(number)}</row>' for number in range(1, 5))
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="r1" '
        f'Type="{_OFFICE_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE_RELATIONS}"><sheets>'
        '<sheet name="表 1" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="r1" '
        f'Type="{_OFFICE_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" '
        f'Type="{_OFFICE_RELATIONS}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/sharedStrings.xml": f'<sst xmlns="{_SHEET}"><si><t>shared</t></si></sst>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_SHEET}"><dimension ref="A1:C4"/><sheetData>{rows}'
        '</sheetData><mergeCells><mergeCell ref="A4:B4"/></mergeCells></worksheet>',
    }
    return {name: text.encode() for name, text in parts.items()}


_ODS_TABLE = (
    "<table:table table:name='S'><table:table-row table:number-rows-repeated='2'><table:table-cell "
    "office:value-type='float' office:value='1' table:number-columns-repeated='2'><text:p>1</text:p>"
    "</table:table-cell></table:table-row></table:table>"
)


def _opendocument(kind: str, body: str) -> dict[str, bytes]:
    names = " ".join(f"xmlns:{name}='{_OFFICE}:{name}:1.0'" for name in ("office", "text", "table", "meta"))
    return {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}".encode(),
        "content.xml": (
            f"<office:document-content {names}><office:body><office:{kind}>{body}</office:{kind}>"
            "</office:body></office:document-content>"
        ).encode(),
        "meta.xml": f"<office:document-meta {names}><office:meta/></office:document-meta>".encode(),
    }


def _epub() -> dict[str, bytes]:
    parts = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": f'<container xmlns="{_OFFICE}:container"><rootfiles><rootfile '
        'full-path="b/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
        "b/content.opf": '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Book</dc:title></metadata><manifest>'
        '<item id="c1" href="c1.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="c1"/></spine></package>',
        "b/c1.xhtml": '<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>C</h1><p>Text 中文</p></body>'
        "</html>",
    }
    return {name: text.encode() for name, text in parts.items()}


def _email() -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "主题 subject", "A <a@example.org>", "b@example.org"
    message["Date"] = "Mon, 06 Jan 2020 10:00:00 +0000"
    message.set_content("Text of the message.\n\n> quoted\n")
    message.add_alternative("<p>Text of the <b>message</b>.</p>", subtype="html")
    message.add_attachment(b"Text of the attachment.", maintype="text", subtype="plain", filename="附件.txt")
    message.set_boundary("boundary")
    return message.as_bytes()

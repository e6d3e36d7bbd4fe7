"""The styles of a drawing, named after what they are for."""

from invoicing.documents.sheet import ACCENT, GREY, INK, Style
from invoicing.documents.typefaces import BOLD, REGULAR

TITLE = Style(24, 28, BOLD)
NUMBER = Style(11, 14, BOLD, GREY)
HEADING = Style(10.5, 16, BOLD)
LABEL = Style(7.5, 10.5, REGULAR, GREY)
COLUMN = Style(7.5, 10.5, BOLD, GREY)
NAME = Style(9, 12, BOLD)
BODY = Style(8.5, 11.5)
STRONG = Style(8.5, 11.5, BOLD)
MUTED = Style(8.5, 11.5, REGULAR, GREY)
DETAIL = Style(7.5, 10, REGULAR, GREY)
FIGURE = Style(14, 18, BOLD)
TOTAL = Style(10, 14, BOLD)
MARK = Style(7.5, 10, REGULAR, GREY)
GROUP = Style(8.5, 12, BOLD, ACCENT)
ALERT = Style(8.5, 11.5, REGULAR, INK)

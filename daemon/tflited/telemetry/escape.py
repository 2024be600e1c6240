"""Takes a text's power over a terminal, a line or a page of the log; knows no format."""


def escaped(text: str, keep: str = "") -> str:
    """A text without power over a terminal or a line: names come from whoever may drop a model.

    Args:
        text: any, with lone surrogates for bytes that are no UTF-8.
        keep: control characters that stay.
    """
    return "".join(
        sign if sign.isprintable() or sign in keep else sign.encode("unicode_escape").decode()
        for sign in text
    )

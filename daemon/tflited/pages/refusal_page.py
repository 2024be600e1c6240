"""The page of what cannot be shown: what failed, and the next step."""

from tflited.pages.elements import element
from tflited.pages.layout import document


def page(status: int, message: str, hint: str = "") -> str:
    """A whole HTML document.

    Args:
        status: of the answer.
        message: what failed, observed against allowed.
        hint: the next step; empty when the message says it all.
    """
    next_step = [element("p", element("strong", "Next: "), hint)] if hint else []
    return document(
        f"Error {status}",
        element("h1", "This cannot be shown"),
        element("p", message),
        *next_step,
        element("p", f"HTTP {status}", class_="soft"),
    )

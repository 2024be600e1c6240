"""The page that people keep open: what runs, what waits and why, and whether all is well."""

from tflited.domain.status import Status
from tflited.pages.elements import element, table
from tflited.pages.layout import document


def page(status: Status) -> str:
    """A whole HTML document.

    Args:
        status: of the daemon now. Names in it are never read as markup.
    """
    running = [
        (str(entry.job_id), str(entry.model), entry.stage.value, entry.detail)
        for entry in status.running
    ]
    counts = [(state.value, str(count)) for state, count in status.counts.by_state.items()]
    return document(
        "Overview",
        element("h1", "Overview"),
        table("Running", ("job", "model", "stage", "detail"), running),
        table("Jobs", ("state", "jobs"), counts),
        here="/",
        is_live=True,
    )

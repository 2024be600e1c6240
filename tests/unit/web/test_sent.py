"""Documents that were sent: the newest are remembered, and no more."""

from tflited.web.sent import MOST_DOCUMENTS, SentDocuments


def test_the_newest_documents_are_remembered() -> None:
    """A job that is asked for again counts as new."""
    sent = SentDocuments()
    for job_id in range(MOST_DOCUMENTS):
        sent.put(job_id, {"id": job_id})
    sent.put(0, {"id": "again"})
    sent.put(MOST_DOCUMENTS, {"id": "last"})

    assert sent.get(0) == {"id": "again"}
    assert sent.get(1) is None
    assert sent.get(MOST_DOCUMENTS) == {"id": "last"}

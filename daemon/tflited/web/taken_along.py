"""What a job's page has to take along: its downloads, and the document that asked for it."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from tflited.domain.download import SetReader
from tflited.domain.job import ACTIVE, Job
from tflited.domain.manifest import Manifest
from tflited.pages import downloads
from tflited.pages.asking.page import sent
from tflited.web.sent import SentDocuments


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenAlong:
    """Makes the sections.

    Attributes:
        sets: the output tree; None hands out nothing.
        documents: what was sent through the form.
    """

    sets: SetReader | None
    documents: SentDocuments

    def of(self, job: Job) -> Sequence[ET.Element]:
        """The sections of one job."""
        manifest = None if job.state in ACTIVE else self._manifest(job)
        files = [] if manifest is None else [downloads.of_job(manifest, job.id)]
        asked = self.documents.get(job.id)
        told = [] if asked is None else [sent(asked, heading="Asked for with")]
        return (*files, *told)

    def _manifest(self, job: Job) -> Manifest | None:
        """The manifest of the set in a job's place now, whoever published it."""
        held = None if self.sets is None else self.sets.hold(job.save_to or str(job.model))
        if held is None:
            return None
        try:
            return held.manifest
        finally:
            held.close()

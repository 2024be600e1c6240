"""Joins the routes through which a person asks for something and takes it home."""

from fastapi import APIRouter, Depends

from tflited.domain.control import Control
from tflited.web.access import Access
from tflited.web.convert import convert_pages
from tflited.web.downloads import download_routes
from tflited.web.job_pages import job_pages
from tflited.web.offers import Offers
from tflited.web.sent import SentDocuments
from tflited.web.session import session_pages
from tflited.web.taken_along import TakenAlong
from tflited.web.uploads import upload_api, upload_pages


def doors(control: Control, access: Access, offers: Offers) -> APIRouter:
    """The routes; each asks for what it needs."""
    routes, reads, documents = APIRouter(), [Depends(access.read)], SentDocuments()
    routes.include_router(session_pages(access))
    routes.include_router(convert_pages(control, access, offers, documents))
    more = TakenAlong(sets=offers.sets, documents=documents)
    routes.include_router(job_pages(control, more.of), dependencies=reads)
    routes.include_router(upload_pages(offers.uploads, access))
    if offers.uploads is not None:
        api = upload_api(offers.uploads, access)
        routes.include_router(api, prefix="/api/v1")
    if offers.sets is not None:
        routes.include_router(download_routes(offers.sets), dependencies=reads)
    return routes

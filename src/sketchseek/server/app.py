"""The app: search by an uploaded sketch, photos and thumbnails by id, health, the live session and the page."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from fastapi import FastAPI, Form, HTTPException, Request, UploadFile, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from sketchseek.errors import InputError
from sketchseek.gallery import Gallery
from sketchseek.search.live import TOP, hit_json
from sketchseek.search.searcher import Searcher
from sketchseek.server.guard import Guard
from sketchseek.server.live import live_session
from sketchseek.server.photos import photo_response, thumbnail_response
from sketchseek.server.worker import SearchWorker

WEB = Path(__file__).parent / "web"

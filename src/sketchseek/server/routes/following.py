"""The page's switch: whether the gallery follows its folders."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from sketchseek.server.following import Follower


def following_routes(follower: Follower) -> APIRouter:
    """The route that switches following on and off."""
    router = APIRouter()

    @router.post("/api/following")
    async def switch(on: Annotated[bool, Body(embed=True)]) -> dict[str, bool]:
        """Follow the folders that were indexed from now on, or no longer."""
        await follower.switch(on)
        return {"on": on}

    return router

"""HTTP, the WebSocket of the live session, and the page (``web/``)."""

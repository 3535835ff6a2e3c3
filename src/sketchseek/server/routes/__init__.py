"""What the server answers, a module for each topic, which makes an APIRouter of what it needs."""

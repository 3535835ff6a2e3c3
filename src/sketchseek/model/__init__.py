"""The model folder: everything the app needs of a trained network, without torch."""

from sketchseek.model.folder import Model, seal

__all__ = ["Model", "seal"]

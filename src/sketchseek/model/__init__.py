"""The model folder: everything the app needs of a trained network, without torch."""

from sketchseek.model.folder import Model, write_model_config

__all__ = ["Model", "write_model_config"]

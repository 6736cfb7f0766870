"""Configuration: composing it, setting values in it, its typed form, and making objects of it."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)

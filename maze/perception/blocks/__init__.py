"""Building blocks of networks: tensors by key in, tensors by key out, any number of batch axes in front."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)

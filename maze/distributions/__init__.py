"""Turns what a policy network puts out into actions, log probabilities and entropies."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)

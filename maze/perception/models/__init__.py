"""Composers: from network specifications to policies and critics."""

__all__: list[str] = []

"""The pipeline's stages: each reads its declared inputs, calls maze's public API, and writes its declared outputs."""

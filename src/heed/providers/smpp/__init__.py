"""SMPP 3.4: the language that carriers have spoken since 1999, in layers from bytes to a provider."""

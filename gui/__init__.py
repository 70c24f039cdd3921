"""The window: panels that show records; never torch."""

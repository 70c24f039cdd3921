"""Tests of everything in core that needs no torch of its own."""
